package dev.pamt.lab.measure;

/**
 * The pages that KVM has mapped for a VM, from {@code /sys/kernel/debug/kvm/PID-FD}.
 *
 * <p>Immutable and thread-safe.
 *
 * @param fd the file descriptor of the VM
 * @param pages4K mappings of 4K
 * @param pages2M mappings of 2M
 * @param pages1G mappings of 1G
 */
public record KvmVm(int fd, long pages4K, long pages2M, long pages1G) {}
