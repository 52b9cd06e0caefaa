package dev.pamt.impl.host;

import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.PhysicalRange;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import net.bytebuddy.jar.asm.ClassReader;
import net.bytebuddy.jar.asm.ClassVisitor;
import net.bytebuddy.jar.asm.ClassWriter;
import net.bytebuddy.jar.asm.Handle;
import net.bytebuddy.jar.asm.MethodVisitor;
import net.bytebuddy.jar.asm.Opcodes;
import net.bytebuddy.jar.asm.Type;

/**
 * A heap that runs out when a test says so, for one {@link HostPageAllocator}: a copy of its class, as it was built, in
 * which each place that allocates asks first. Such places are {@code new} in all its forms, string concatenation, and calls
 * of the JDK and of the address types that allocate. Public, because the copy has a class loader of its own.
 */
public final class DryHeap {
    private static final String PACKAGE = DryHeap.class.getPackageName() + ".";
    /** What is allocated by a lock that finds no room in itself for the threads that wait. */
    static final String QUEUE_ENTRY = "lock";

    private static final Set<String> ALLOCATING =
            Set.of("add", "between", "copyOf", "format", QUEUE_ENTRY, "of", "toList");
    private static final ClassLoader LOADER = new Loader();

    private static volatile Predicate<String> isDry = what -> false;

    private final PageAllocator allocator;

    /** Makes an allocator over some RAM; the heap is not dry meanwhile. */
    DryHeap(PhysicalRange... memory) {
        try {
            allocator = (PageAllocator) LOADER.loadClass(HostPageAllocator.class.getName())
                    .getConstructor(List.class)
                    .newInstance(List.of(memory));
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("the copy of the allocator has no such constructor", e);
        }
    }

    /** The allocator that has this heap. */
    PageAllocator allocator() {
        return allocator;
    }

    /** What the allocator says of its free pages. */
    long freePages() {
        try {
            return (long) allocator.getClass().getMethod("freePages").invoke(allocator);
        } catch (InvocationTargetException e) {
            throw new AssertionError("freePages does not fail", e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("the copy of the allocator has no such method", e);
        }
    }

    /** Runs something that finds no heap whenever the condition holds; it is given what is allocated, a type or a call. */
    static void whenever(Predicate<String> dry, Runnable action) {
        isDry = dry;
        try {
            action.run();
        } catch (OutOfMemoryError unexpected) {
            // JUnit takes a bare one for the end of its own JVM.
            throw new AssertionError("a call failed that has to work without heap", unexpected);
        } finally {
            isDry = what -> false;
        }
    }

    /** Called by the copy where it allocates. */
    public static void allocate(String what) {
        if (isDry.test(what)) {
            throw new OutOfMemoryError("the test lets the heap run out at " + what);
        }
    }

    /** Defines the classes of this package, and nothing else, anew. */
    private static final class Loader extends ClassLoader {
        Loader() {
            super(DryHeap.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            synchronized (getClassLoadingLock(name)) {
                if (!name.startsWith(PACKAGE) || name.equals(DryHeap.class.getName())) {
                    return super.loadClass(name, resolve);
                }
                Class<?> loaded = findLoadedClass(name);
                return loaded != null ? loaded : define(name);
            }
        }

        private Class<?> define(String name) throws ClassNotFoundException {
            try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
                ClassReader reader = new ClassReader(in.readAllBytes());
                ClassWriter writer = new ClassWriter(0);
                reader.accept(new AskingClass(writer), 0);
                byte[] copy = writer.toByteArray();
                return defineClass(name, copy, 0, copy.length);
            } catch (IOException e) {
                throw new ClassNotFoundException(name, e);
            }
        }
    }

    private static final class AskingClass extends ClassVisitor {
        AskingClass(ClassVisitor next) {
            super(Opcodes.ASM9, next);
        }

        @Override
        public MethodVisitor visitMethod(int access, String name, String type, String signature, String[] exceptions) {
            return new AskingMethod(super.visitMethod(access, name, type, signature, exceptions));
        }
    }

    private static final class AskingMethod extends MethodVisitor {
        AskingMethod(MethodVisitor next) {
            super(Opcodes.ASM9, next);
        }

        @Override
        public void visitTypeInsn(int opcode, String type) {
            super.visitTypeInsn(opcode, type);
            // Behind the instruction, not ahead of it: stack maps name the address of a NEW.
            if (opcode == Opcodes.NEW || opcode == Opcodes.ANEWARRAY) {
                ask(type);
            }
        }

        @Override
        public void visitIntInsn(int opcode, int operand) {
            super.visitIntInsn(opcode, operand);
            if (opcode == Opcodes.NEWARRAY) {
                ask("array");
            }
        }

        @Override
        public void visitMethodInsn(int opcode, String owner, String name, String type, boolean isInterface) {
            if (ALLOCATING.contains(name) && !owner.startsWith(PACKAGE.replace('.', '/'))) {
                ask(name);
            }
            super.visitMethodInsn(opcode, owner, name, type, isInterface);
        }

        @Override
        public void visitInvokeDynamicInsn(String name, String type, Handle bootstrap, Object... arguments) {
            ask(name);
            super.visitInvokeDynamicInsn(name, type, bootstrap, arguments);
        }

        @Override
        public void visitMaxs(int maxStack, int maxLocals) {
            super.visitMaxs(maxStack + 1, maxLocals);
        }

        private void ask(String what) {
            super.visitLdcInsn(what);
            super.visitMethodInsn(
                    Opcodes.INVOKESTATIC,
                    Type.getInternalName(DryHeap.class),
                    "allocate",
                    "(Ljava/lang/String;)V",
                    false);
        }
    }
}
