package dev.pamt.benchmarks.rivals;

import io.netty.util.AbstractReferenceCounted;
import io.netty.util.ReferenceCounted;

/** Netty's reference count. It begins with one user and cannot be armed again, so it stands only where no region becomes empty. */
final class NettyCount extends AbstractReferenceCounted {
    @Override
    protected void deallocate() {}

    @Override
    public ReferenceCounted touch(Object hint) {
        return this;
    }
}
