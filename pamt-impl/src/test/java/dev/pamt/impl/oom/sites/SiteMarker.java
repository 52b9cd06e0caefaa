package dev.pamt.impl.oom.sites;

import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Handle;
import org.objectweb.asm.Label;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;

/**
 * Inserts a call of {@link Sites#reached} at every site of a class.
 *
 * <p>Class initialisers are left as they are: a class whose initialiser fails is out of use for good, and nothing that the
 * class does can help that.
 */
final class SiteMarker extends ClassVisitor {
    private static final int ASM = Opcodes.ASM9;
    private static final String SITES = Type.getInternalName(Sites.class);

    private final Kind kind;
    private String className;

    private SiteMarker(ClassVisitor next, Kind kind) {
        super(ASM, next);
        this.kind = kind;
    }

    /** Returns the class with the calls in it. */
    static byte[] mark(byte[] classFile, Kind kind) {
        ClassReader reader = new ClassReader(classFile);
        ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
        reader.accept(new SiteMarker(writer, kind), 0);
        return writer.toByteArray();
    }

    @Override
    public void visit(int version, int access, String name, String signature, String superName, String[] interfaces) {
        className = Sites.simpleName(name.replace('/', '.'));
        super.visit(version, access, name, signature, superName, interfaces);
    }

    @Override
    public MethodVisitor visitMethod(
            int access, String name, String descriptor, String signature, String[] exceptions) {
        MethodVisitor next = super.visitMethod(access, name, descriptor, signature, exceptions);
        if (name.equals("<clinit>")) {
            return next;
        }
        String method = className + "." + name;
        return kind == Kind.ALLOCATION ? new Allocations(next, method) : new Entry(next, method);
    }

    /** Marks what allocates in a method. */
    private static final class Allocations extends Marking {
        Allocations(MethodVisitor next, String method) {
            super(next, method);
        }

        @Override
        public void visitTypeInsn(int opcode, String type) {
            if (opcode == Opcodes.ANEWARRAY) {
                mark("new " + simple(type) + "[]");
            }
            super.visitTypeInsn(opcode, type);
            if (opcode == Opcodes.NEW) {
                // Behind it, because stack maps name the instruction by what is before it.
                mark("new " + simple(type));
            }
        }

        @Override
        public void visitIntInsn(int opcode, int operand) {
            if (opcode == Opcodes.NEWARRAY) {
                mark("new array");
            }
            super.visitIntInsn(opcode, operand);
        }

        @Override
        public void visitMultiANewArrayInsn(String descriptor, int dimensions) {
            mark("new " + descriptor);
            super.visitMultiANewArrayInsn(descriptor, dimensions);
        }

        @Override
        public void visitInvokeDynamicInsn(
                String name, String descriptor, Handle bootstrap, Object... bootstrapArguments) {
            mark(
                    bootstrap.getName().startsWith("makeConcat")
                            ? "string"
                            : simple(Type.getReturnType(descriptor).getClassName()) + " lambda");
            super.visitInvokeDynamicInsn(name, descriptor, bootstrap, bootstrapArguments);
        }

        @Override
        public void visitMethodInsn(int opcode, String owner, String name, String descriptor, boolean isInterface) {
            if (name.equals("valueOf") && isBoxing(owner, descriptor)) {
                mark("box " + simple(owner));
            } else if (name.equals("clone") && owner.startsWith("[")) {
                mark("clone " + owner);
            }
            super.visitMethodInsn(opcode, owner, name, descriptor, isInterface);
        }

        private static boolean isBoxing(String owner, String descriptor) {
            Type[] arguments = Type.getArgumentTypes(descriptor);
            return owner.startsWith("java/lang/")
                    && arguments.length == 1
                    && arguments[0].getSort() <= Type.DOUBLE
                    && Type.getReturnType(descriptor).getInternalName().equals(owner);
        }

        private static String simple(String type) {
            return Sites.simpleName(type.replace('/', '.'));
        }
    }

    /** Marks the beginning of a method, whose line is not known there. */
    private static final class Entry extends Marking {
        Entry(MethodVisitor next, String method) {
            super(next, method);
        }

        @Override
        public void visitCode() {
            super.visitCode();
            mark("entry");
        }
    }

    private abstract static class Marking extends MethodVisitor {
        private final String method;
        private int line;

        Marking(MethodVisitor next, String method) {
            super(ASM, next);
            this.method = method;
        }

        @Override
        public void visitLineNumber(int at, Label start) {
            line = at;
            super.visitLineNumber(at, start);
        }

        void mark(String what) {
            super.visitLdcInsn(Sites.add(method, line, what));
            super.visitMethodInsn(Opcodes.INVOKESTATIC, SITES, "reached", "(I)V", false);
        }
    }
}
