package dev.pamt.seamcall.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class JsonValueTest {
    private static JsonValue parse(String text) throws IOException {
        return JsonValue.parse(text.replace('\'', '"'));
    }

    private static String mistake(Executable asking) {
        return assertThrows(MalformedLineException.class, asking).getMessage();
    }

    @Test
    void aNumberIsAnIntegerOrHexadecimalText() throws Exception {
        assertEquals(258, parse("258").number());
        assertEquals(258, parse("'0x102'").number());
        assertEquals(-1, parse("'0xffffffffffffffff'").number());
        assertEquals(258, parse("'0x102'").intValue());
        assertEquals("\"102\" is not a number", mistake(() -> parse("'102'").number()));
        assertEquals("1.5 is not a number", mistake(() -> parse("1.5").number()));
    }

    @Test
    void whatIsAskedForAndIsNotThereIsNamed() throws Exception {
        assertEquals("field 'a' is missing", mistake(() -> parse("{'b': 1}").get("a")));
        assertEquals("field 'a' is missing", mistake(() -> parse("{'a': null}").get("a")));
        assertEquals("1 is not a text", mistake(() -> parse("1").text()));
        assertEquals("1 is not an object", mistake(() -> parse("1").fields()));
        assertEquals("1 is not an array", mistake(() -> parse("1").items()));
        assertEquals("\"x\" is not true or false", mistake(() -> parse("'x'").bool()));
        assertEquals("[1] has no item 1", mistake(() -> parse("[1]").item(1)));
        assertEquals(
                "4294967296 is too large", mistake(() -> parse("4294967296").intValue()));
    }

    @Test
    void aFieldThatIsNullIsMissing() throws Exception {
        JsonValue object = parse("{'a': null, 'b': 1}");
        assertFalse(object.has("a"));
        assertNull(object.find("a"));
        assertTrue(object.has("b"));
        assertEquals(7, object.orElse("a", JsonValue::number, 7L));
        assertEquals(1, object.orElse("b", JsonValue::number, 7L));
        assertFalse(parse("[1]").has("a"), "an array has no fields");
    }

    @Test
    void anObjectKeepsItsFieldsAndAnArrayItsItemsInOrder() throws Exception {
        JsonValue value = parse("{'b': [1, 'x', true, false, null, 2.5], 'a': {}}");
        assertEquals(List.of("b", "a"), List.copyOf(value.fields().keySet()));
        assertEquals("{b=[1, \"x\", true, false, null, 2.5], a={}}", value.toString());
        assertTrue(value.get("b").item(2).bool());
        assertFalse(value.get("b").item(3).bool());
        assertTrue(value.isObject());
        assertFalse(value.get("b").isObject());
    }

    @Test
    void fieldsOfAnotherObjectFillWhatIsMissing() throws Exception {
        JsonValue filled = parse("{'a': 1, 'b': null}").orFieldsOf(parse("{'a': 2, 'b': 3, 'c': 4}"));
        assertEquals("{a=1, b=3, c=4}", filled.toString());
    }
}
