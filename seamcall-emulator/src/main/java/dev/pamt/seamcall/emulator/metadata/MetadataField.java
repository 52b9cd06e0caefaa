package dev.pamt.seamcall.emulator.metadata;

/**
 * A row of a table of metadata (md_lookup_t of TDX module 1.5.25, metadata_generic.h): one field, or several whose codes follow
 * one another.
 *
 * @param <C> what the fields are of
 * @param firstId the id of the first element of the first field
 * @param fields the number of fields
 * @param elements the number of elements of each field
 * @param reader how an element is read
 * @param writable the bits that the host may write
 * @param writer how an element is written
 */
public record MetadataField<C>(
        long firstId, int fields, int elements, Reader<C> reader, long writable, Writer<C> writer) {
    static final long CODE = 0xFF_FFFF;
    static final long CLASS = 0x3FL << 56;
    private static final int SIZE_SHIFT = 32;
    private static final int SIZE_MASK = 3;

    /** Reads an element. */
    @FunctionalInterface
    public interface Reader<C> {
        /** The value of an element, counted from the first element of the first field. */
        long read(C of, int element);
    }

    /** Checks and writes the only element of a field. */
    @FunctionalInterface
    public interface Writer<C> {
        /** Writes a value that differs from the old one in writable bits only; the status, or 0. */
        long write(C of, long value);
    }

    /** A field of one element that the host reads and does not write. */
    public static <C> MetadataField<C> readOnly(long id, Reader<C> reader) {
        return array(id, 1, 1, reader);
    }

    /** Fields that follow one another, and that the host reads and does not write. */
    public static <C> MetadataField<C> array(long firstId, int fields, int elements, Reader<C> reader) {
        return new MetadataField<>(firstId, fields, elements, reader, 0, (of, value) -> 0);
    }

    /** Whether an id names an element here: class and code count, the size in the id does not. */
    boolean has(long id) {
        return (id & CLASS) == (firstId & CLASS) && elementOf(id) >= 0 && elementOf(id) < fields * elements;
    }

    int elementOf(long id) {
        return (int) (id & CODE) - (int) (firstId & CODE);
    }

    long idOf(int element) {
        return firstId + element;
    }

    /** The two bits of an id that are the size of an element: 1, 2, 4 or 8 bytes. */
    static int sizeCode(long id) {
        return (int) (id >>> SIZE_SHIFT) & SIZE_MASK;
    }

    /** The bits that an element has. */
    long bits() {
        return -1L >>> (Long.SIZE - (Byte.SIZE << sizeCode(firstId)));
    }

    long read(C of, int element) {
        return reader.read(of, element) & bits();
    }
}
