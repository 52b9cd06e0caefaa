package dev.pamt.seamcall.emulator.metadata;

import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.SparseMemory;

/**
 * A list of metadata in a page of the host: a header, and sequences of fields whose ids follow one another, each with a header of
 * its own (TDX module 1.5.25, metadata_generic.c, md_dump_list).
 *
 * <pre>
 *   list header: bytes 15:0 | sequences 31:16
 *   sequence header: the id of the first field, with the last element of a field in 37:34 and the last field in 46:38
 * </pre>
 *
 * @param <C> what the fields are of
 */
public final class MetadataList<C> {
    private static final int WORD = Long.BYTES;
    private static final int SEQUENCES_SHIFT = 16;
    private static final int LAST_ELEMENT_SHIFT = 34;
    private static final int LAST_FIELD_SHIFT = 38;

    private final MetadataTable<C> table;
    private final C of;
    private final SparseMemory memory;
    private final long pageHpa;
    private MetadataTable.Position at;
    private int bytes = WORD;
    private int sequences;

    /** Makes a list in a page. */
    public MetadataList(MetadataTable<C> table, C of, SparseMemory memory, long pageHpa) {
        this.table = table;
        this.of = of;
        this.memory = memory;
        this.pageHpa = pageHpa;
    }

    /** Writes the fields from one on, as many as there is room for; the status, or 0. */
    public long dump(long firstId) {
        at = MetadataTable.isNone(firstId) ? table.first() : table.find(firstId);
        if (at == null || !isStartOfField(firstId)) {
            at = null;
            return TdxStatus.METADATA_FIELD_ID_INCORRECT.code();
        }
        boolean complete = true;
        while (complete && at != null && isRoomFor(WORD)) {
            complete = dumpSequence();
        }
        memory.write64(pageHpa, bytes | (long) sequences << SEQUENCES_SHIFT);
        return at == null ? 0 : TdxStatus.METADATA_LIST_OVERFLOW.code();
    }

    /** The id of the first field that is not in the list, or {@link MetadataTable#NO_FIELD}. */
    public long nextId() {
        return table.idOf(at);
    }

    private boolean isStartOfField(long id) {
        MetadataField<C> field = table.row(at);
        return MetadataTable.isNone(id)
                || (at.element() % field.elements() == 0
                        && MetadataField.sizeCode(id) == MetadataField.sizeCode(field.firstId()));
    }

    private boolean isRoomFor(int headerBytes) {
        return bytes + headerBytes + table.row(at).elements() * WORD <= SparseMemory.PAGE_BYTES;
    }

    /** Writes one sequence; whether it ended where its fields end, and not for want of room. */
    private boolean dumpSequence() {
        int headerAt = bytes;
        long header = table.idOf(at) | (long) (table.row(at).elements() - 1) << LAST_ELEMENT_SHIFT;
        bytes += WORD;
        boolean complete = false;
        for (int last = 0; !complete && isRoomFor(0); last++) {
            MetadataField<C> field = table.row(at);
            for (int i = 0; i < field.elements(); i++) {
                memory.write64(pageHpa + bytes, field.read(of, at.element() + i));
                bytes += WORD;
            }
            memory.write64(pageHpa + headerAt, header | (long) last << LAST_FIELD_SHIFT);
            MetadataTable.Position next = table.afterField(at);
            complete = next == null || !follows(at, next);
            at = next;
        }
        sequences++;
        return complete;
    }

    private boolean follows(MetadataTable.Position before, MetadataTable.Position after) {
        long id = table.idOf(before);
        long next = table.idOf(after);
        int elements = table.row(before).elements();
        return (id & MetadataField.CLASS) == (next & MetadataField.CLASS)
                && (id & MetadataField.CODE) + elements == (next & MetadataField.CODE)
                && elements == table.row(after).elements()
                && MetadataField.sizeCode(id) == MetadataField.sizeCode(next);
    }
}
