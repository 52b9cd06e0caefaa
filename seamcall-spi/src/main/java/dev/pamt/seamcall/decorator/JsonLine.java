package dev.pamt.seamcall.decorator;

/** One JSON object, written from left to right into one line of text. Not thread-safe. */
final class JsonLine {
    private static final String HEX = "0123456789abcdef";

    private final StringBuilder text = new StringBuilder("{");
    private boolean first = true;

    private JsonLine name(String name) {
        if (!first) {
            text.append(',');
        }
        first = false;
        quote(name);
        text.append(':');
        return this;
    }

    JsonLine number(String name, long value) {
        name(name).text.append(value);
        return this;
    }

    JsonLine bool(String name, boolean value) {
        name(name).text.append(value);
        return this;
    }

    /** A word as recordings write it: hexadecimal text. */
    JsonLine word(String name, long value) {
        name(name).text.append("\"0x").append(Long.toHexString(value)).append('"');
        return this;
    }

    JsonLine string(String name, String value) {
        name(name).quote(value);
        return this;
    }

    JsonLine object(String name) {
        name(name);
        return open('{');
    }

    JsonLine array(String name) {
        name(name);
        return open('[');
    }

    /** Begins an object in an array. */
    JsonLine item() {
        if (!first) {
            text.append(',');
        }
        return open('{');
    }

    private JsonLine open(char bracket) {
        text.append(bracket);
        first = true;
        return this;
    }

    JsonLine endObject() {
        text.append('}');
        first = false;
        return this;
    }

    JsonLine endArray() {
        text.append(']');
        first = false;
        return this;
    }

    private void quote(String value) {
        text.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            if (c == '"' || c == '\\') {
                text.append('\\').append(c);
            } else if (c < ' ' || Character.isSurrogate(c)) {
                // Half a surrogate pair could not be encoded; an escape always can.
                text.append("\\u");
                for (int shift = 12; shift >= 0; shift -= 4) {
                    text.append(HEX.charAt(c >>> shift & 0xF));
                }
            } else {
                text.append(c);
            }
        }
        text.append('"');
    }

    /** The object, complete. */
    @Override
    public String toString() {
        return text + "}";
    }
}
