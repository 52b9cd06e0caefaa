package dev.pamt.seamcall.emulator.metadata;

import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxStatus;
import java.util.List;

/**
 * The fields of the module, of a TD or of a vCPU, in the order in which they are enumerated (TDX module 1.5.25,
 * metadata_generic.c). Immutable.
 *
 * @param <C> what the fields are of
 */
public final class MetadataTable<C> {
    /** No field. */
    public static final long NO_FIELD = -1;

    private static final long CONTEXT = 7L << 52;
    private static final long MUST_BE_ZERO = 0xFFL << 24 | 0xFL << 34 | 0x1FFL << 38 | 7L << 47 | 1L << 55 | 1L << 62;

    private final List<MetadataField<C>> fields;

    /** Makes a table. */
    public MetadataTable(List<MetadataField<C>> fields) {
        this.fields = List.copyOf(fields);
    }

    /** A field in the table. */
    record Position(int row, int element) {}

    /**
     * Reads the element that a host names.
     *
     * @param of what the fields are of
     * @param id the id; its context is not looked at
     * @param enumerate whether no field is answered with the first one, and a field with the next one, in RDX
     * @param regs R8 becomes the value
     * @return the status, or 0
     */
    public long read(C of, long id, boolean enumerate, SeamcallRegisters regs) {
        if (enumerate && isNone(id)) {
            regs.rdx = fields.get(0).firstId();
            return TdxStatus.METADATA_FIRST_FIELD_ID_IN_CONTEXT.code();
        }
        Position at = find(id);
        if (at == null || (id & MUST_BE_ZERO) != 0) {
            return TdxStatus.METADATA_FIELD_ID_INCORRECT.code();
        }
        regs.r8 = row(at).read(of, at.element);
        if (enumerate) {
            regs.rdx = idOf(afterElement(at));
        }
        return 0;
    }

    /**
     * Writes the bits of an element that a host names (metadata_vp.c, md_vp_write_element).
     *
     * @param of what the fields are of
     * @param id the id; its context is not looked at
     * @param value the new value
     * @param mask the bits to be written; a bit that cannot be written must have the value it has
     * @param regs R8 becomes the old value
     * @return the status, or 0
     */
    public long write(C of, long id, long value, long mask, SeamcallRegisters regs) {
        Position at = find(id);
        if (at == null || (id & MUST_BE_ZERO) != 0) {
            return TdxStatus.METADATA_FIELD_ID_INCORRECT.code();
        }
        MetadataField<C> field = row(at);
        long written = field.writable() & mask;
        if (written == 0) {
            return TdxStatus.METADATA_FIELD_NOT_WRITABLE.code();
        }
        long old = field.read(of, at.element);
        long kept = written == field.bits() ? 0 : addressOrNone(old, field);
        long forbidden = mask & ~field.writable();
        if ((kept & forbidden) != (value & forbidden)) {
            return TdxStatus.METADATA_FIELD_VALUE_NOT_VALID.code();
        }
        long status = field.writer().write(of, (kept & ~written) | (value & written));
        if (status == 0) {
            regs.r8 = old;
        }
        return status;
    }

    /** An address that is still none, all ones, counts as one without the bits that an address cannot have. */
    private long addressOrNone(long value, MetadataField<C> field) {
        return value < 0 ? value & field.writable() : value;
    }

    static boolean isNone(long id) {
        return (id | CONTEXT) == NO_FIELD;
    }

    MetadataField<C> row(Position at) {
        return fields.get(at.row);
    }

    long idOf(Position at) {
        return at == null ? NO_FIELD : row(at).idOf(at.element);
    }

    Position find(long id) {
        for (int row = 0; row < fields.size(); row++) {
            MetadataField<C> field = fields.get(row);
            if (field.has(id)) {
                return new Position(row, field.elementOf(id));
            }
        }
        return null;
    }

    Position first() {
        return new Position(0, 0);
    }

    private Position afterElement(Position at) {
        MetadataField<C> field = row(at);
        return at.element + 1 < field.fields() * field.elements() ? new Position(at.row, at.element + 1) : afterRow(at);
    }

    /** The first element of the next field, or null. */
    Position afterField(Position at) {
        MetadataField<C> field = row(at);
        int next = (at.element / field.elements() + 1) * field.elements();
        return next < field.fields() * field.elements() ? new Position(at.row, next) : afterRow(at);
    }

    private Position afterRow(Position at) {
        return at.row + 1 < fields.size() ? new Position(at.row + 1, 0) : null;
    }
}
