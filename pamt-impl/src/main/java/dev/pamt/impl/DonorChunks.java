package dev.pamt.impl;

import dev.pamt.impl.host.GigabyteDirectory;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The donor chunks by address, and the mutex that guards what is in them.
 *
 * <p>Chunks are added and removed under the mutex; any thread finds one by an address in it.
 */
final class DonorChunks {
    /** Guards the number of chunks, which of their pairs are free or lost, and the shelf. Held for a few instructions. */
    final ReentrantLock mutex = new ReentrantLock();

    private final GigabyteDirectory<AtomicReferenceArray<DonorChunk>> places;
    private long count;

    DonorChunks(List<PhysicalRange> ram) {
        places = new GigabyteDirectory<>(ram);
    }

    /** Makes the place for a chunk, so that adding it needs no memory. */
    void prepare(long chunkHpa) {
        if (places.get(chunkHpa) == null) {
            places.put(chunkHpa, new AtomicReferenceArray<>(RegionTable.REGIONS_PER_GIGABYTE));
        }
    }

    /** Adds a chunk that was prepared, under the mutex. */
    void add(DonorChunk chunk) {
        places.get(chunk.hpa).set(RegionTable.indexInGigabyte(chunk.hpa), chunk);
        count++;
    }

    /** Removes a chunk, under the mutex. */
    void remove(DonorChunk chunk) {
        places.get(chunk.hpa).set(RegionTable.indexInGigabyte(chunk.hpa), null);
        count--;
    }

    /** Returns how many chunks there are; under the mutex. */
    long count() {
        return count;
    }

    /** Returns the chunk that an address lies in, or null. */
    DonorChunk at(long hpa) {
        AtomicReferenceArray<DonorChunk> place = places.get(hpa);
        return place == null ? null : place.get(RegionTable.indexInGigabyte(hpa));
    }

    /** Returns the chunk with the lowest address, or null if there is none. */
    DonorChunk first() {
        return nextFrom(0);
    }

    /** Returns the chunk with the next higher address, or null if there is none. */
    DonorChunk next(DonorChunk chunk) {
        return nextFrom(chunk.hpa + RegionTable.REGION_BYTES);
    }

    private DonorChunk nextFrom(long hpa) {
        int index = RegionTable.indexInGigabyte(hpa);
        int first = RegionTable.gigabyteOf(hpa);
        for (int gigabyte = places.next(first); gigabyte >= 0; gigabyte = places.next(gigabyte + 1)) {
            AtomicReferenceArray<DonorChunk> place = places.at(gigabyte);
            for (int i = gigabyte == first ? index : 0; i < place.length(); i++) {
                DonorChunk chunk = place.get(i);
                if (chunk != null) {
                    return chunk;
                }
            }
        }
        return null;
    }
}
