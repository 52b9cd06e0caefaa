package dev.pamt.impl.oom.sites;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The sites of the instrumented classes, and where their code reports that it is about to pass one.
 *
 * <p>There is one for the JVM: instrumented classes of several loaders report here, to one observer at a time.
 */
public final class Sites {
    private static final String INSTRUMENTED = "dev.pamt.impl.";
    private static final String HARNESS = "dev.pamt.impl.oom.";

    private static final List<Site> ALL = new ArrayList<>();
    private static volatile Observer observer;

    private Sites() {}

    /** Is told of every site that a thread is about to pass. */
    public interface Observer {
        /** A thread is about to pass a site; what this throws is what the site throws. */
        void reached(int site);
    }

    /** Enters a site and returns its number. */
    static int add(String method, int line, String what) {
        synchronized (ALL) {
            ALL.add(new Site(ALL.size(), method, line, what));
            return ALL.size() - 1;
        }
    }

    /** Returns the site of a number. */
    public static Site site(int id) {
        synchronized (ALL) {
            return ALL.get(id);
        }
    }

    /** Reports to another observer, or to none if it is null. */
    public static void observe(Observer next) {
        observer = next;
    }

    /** The call that is inserted at every site. */
    public static void reached(int site) {
        Observer current = observer;
        if (current != null) {
            current.reached(site);
        }
    }

    /** How the calling thread has come to the site where it is: the instrumented methods on its stack, innermost first. */
    static String path() {
        return StackWalker.getInstance().walk(frames -> frames.filter(Sites::isInstrumented)
                .map(frame ->
                        simpleName(frame.getClassName()) + "." + frame.getMethodName() + ":" + frame.getLineNumber())
                .collect(Collectors.joining(" < ")));
    }

    private static boolean isInstrumented(StackWalker.StackFrame frame) {
        return frame.getClassName().startsWith(INSTRUMENTED)
                && !frame.getClassName().startsWith(HARNESS);
    }

    static String simpleName(String className) {
        return className.substring(className.lastIndexOf('.') + 1);
    }
}
