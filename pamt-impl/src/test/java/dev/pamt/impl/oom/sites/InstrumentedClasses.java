package dev.pamt.impl.oom.sites;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URL;

/**
 * Loads the project's classes once more, the main classes of the implementation with their sites marked. What is loaded
 * otherwise stays as it is, so other tests of the same JVM do not notice.
 *
 * <p>Classes of this package are shared with the loader's parent: they are what both sides know of each other.
 */
public final class InstrumentedClasses extends ClassLoader {
    private static final String PROJECT = "dev.pamt.";
    private static final String INSTRUMENTED = "dev.pamt.impl.";
    private static final String SHARED = InstrumentedClasses.class.getPackageName() + ".";

    private final Kind kind;
    private final String testClasses;

    /**
     * Makes a loader.
     *
     * @param kind which sites are marked
     */
    public InstrumentedClasses(Kind kind) {
        super(InstrumentedClasses.class.getClassLoader());
        this.kind = kind;
        this.testClasses = root(InstrumentedClasses.class.getName());
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!name.startsWith(PROJECT) || name.startsWith(SHARED)) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> loaded = findLoadedClass(name);
            return loaded != null ? loaded : define(name);
        }
    }

    private Class<?> define(String name) throws ClassNotFoundException {
        byte[] classFile = read(name);
        if (name.startsWith(INSTRUMENTED) && !root(name).equals(testClasses)) {
            classFile = SiteMarker.mark(classFile, kind);
        }
        return defineClass(name, classFile, 0, classFile.length);
    }

    private byte[] read(String name) throws ClassNotFoundException {
        try (InputStream in = getParent().getResourceAsStream(file(name))) {
            if (in == null) {
                throw new ClassNotFoundException(name);
            }
            return in.readAllBytes();
        } catch (IOException unreadable) {
            throw new UncheckedIOException("class " + name, unreadable);
        }
    }

    /** The directory or archive that a class lies in. */
    private String root(String name) {
        URL url = getParent().getResource(file(name));
        return url == null ? "" : url.toString().replace(file(name), "");
    }

    private static String file(String name) {
        return name.replace('.', '/') + ".class";
    }
}
