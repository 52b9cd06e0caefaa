package dev.pamt.seamcall.conformance;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * A value of a recording: an object, an array, a text, a number, true, false or null. Immutable and thread-safe.
 *
 * <p>Asking for what is not there is a {@link MalformedLineException} that names it: a recording that lacks a field
 * cannot be replayed.
 */
final class JsonValue {
    private static final JsonFactory JSON = new JsonFactory();
    private static final String HEX = "0x";

    private final Object value;

    private JsonValue(Object value) {
        this.value = value;
    }

    static JsonValue parse(String line) throws IOException {
        try (JsonParser parser = JSON.createParser(line)) {
            parser.nextToken();
            JsonValue parsed = read(parser);
            if (parser.nextToken() != null) {
                throw new IOException("more than one JSON value in a line");
            }
            return parsed;
        }
    }

    private static JsonValue read(JsonParser parser) throws IOException {
        JsonToken token = parser.currentToken();
        if (token == null) {
            throw new IOException("no JSON value in a line");
        }
        return new JsonValue(
                switch (token) {
                    case START_OBJECT -> {
                        Map<String, JsonValue> fields = new LinkedHashMap<>();
                        while (parser.nextToken() != JsonToken.END_OBJECT) {
                            String name = parser.currentName();
                            parser.nextToken();
                            fields.put(name, read(parser));
                        }
                        yield fields;
                    }
                    case START_ARRAY -> {
                        List<JsonValue> items = new ArrayList<>();
                        while (parser.nextToken() != JsonToken.END_ARRAY) {
                            items.add(read(parser));
                        }
                        yield items;
                    }
                    case VALUE_STRING -> parser.getText();
                    case VALUE_NUMBER_INT -> parser.getLongValue();
                    case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
                    case VALUE_TRUE -> true;
                    case VALUE_FALSE -> false;
                    case VALUE_NULL -> null;
                    default -> throw new IOException("no JSON value begins with " + token);
                });
    }

    /** Whether an object has a field that is not null. */
    boolean has(String name) {
        return value instanceof Map && fields().get(name) != null && fields().get(name).value != null;
    }

    /** A field of an object, or null if it is missing or null. */
    JsonValue find(String name) {
        return has(name) ? fields().get(name) : null;
    }

    /** A field of an object. */
    JsonValue get(String name) {
        JsonValue field = find(name);
        if (field == null) {
            throw new MalformedLineException("field '" + name + "' is missing");
        }
        return field;
    }

    /** A field, made into something else, or a default if it is missing. */
    <T> T orElse(String name, Function<JsonValue, T> conversion, T missing) {
        JsonValue field = find(name);
        return field == null ? missing : conversion.apply(field);
    }

    @SuppressWarnings("unchecked") // the maps that read() makes
    Map<String, JsonValue> fields() {
        return (Map<String, JsonValue>) as(Map.class, "an object");
    }

    @SuppressWarnings("unchecked") // the lists that read() makes
    List<JsonValue> items() {
        return (List<JsonValue>) as(List.class, "an array");
    }

    /** The items of an array, made into something else. */
    <T> List<T> listOf(Function<JsonValue, T> conversion) {
        return items().stream().map(conversion).toList();
    }

    JsonValue item(int index) {
        if (index >= items().size()) {
            throw new MalformedLineException(this + " has no item " + index);
        }
        return items().get(index);
    }

    /** This object, with the fields of another one where it has none. */
    JsonValue orFieldsOf(JsonValue other) {
        Map<String, JsonValue> all = new LinkedHashMap<>(other.fields());
        fields().keySet().stream().filter(this::has).forEach(name -> all.put(name, get(name)));
        return new JsonValue(all);
    }

    boolean isObject() {
        return value instanceof Map;
    }

    String text() {
        return as(String.class, "a text");
    }

    boolean bool() {
        return as(Boolean.class, "true or false");
    }

    /** A number as recordings write it: hexadecimal text or a JSON number. */
    long number() {
        return value instanceof String text && text.startsWith(HEX) ? numberOf(text) : as(Long.class, "a number");
    }

    /** The number in a text, hexadecimal with all 64 bits or decimal. */
    static long numberOf(String text) {
        try {
            return text.startsWith(HEX)
                    ? Long.parseUnsignedLong(text.substring(HEX.length()), 16)
                    : Long.parseLong(text);
        } catch (NumberFormatException wrong) {
            throw new MalformedLineException(text + " is not a number", wrong);
        }
    }

    int intValue() {
        long number = number();
        if (number != (int) number) {
            throw new MalformedLineException(this + " is too large");
        }
        return (int) number;
    }

    private <T> T as(Class<T> type, String what) {
        if (!type.isInstance(value)) {
            throw new MalformedLineException(this + " is not " + what);
        }
        return type.cast(value);
    }

    @Override
    public String toString() {
        return value instanceof String text ? '"' + text + '"' : String.valueOf(value);
    }
}
