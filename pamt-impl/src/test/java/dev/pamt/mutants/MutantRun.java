package dev.pamt.mutants;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;

import java.io.PrintStream;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs the tests that are meant for a mutant, in the JVM that has the mutant's classes first on its class path: {@code
 * jcstress-tests/mutants/run}.
 *
 * <p>The last line that it prints says what has found the mutant: {@code found: test, message} after a failed assertion, {@code
 * accident: test, exception} after any other failure, {@code nothing} if all tests have passed, {@code no test} if none has run.
 */
final class MutantRun implements TestExecutionListener {
    private static final String[] PACKAGES = {
        "dev.pamt.impl.", "dev.pamt.impl.host.", "dev.pamt.impl.faults.", "dev.pamt.impl.hostile.", "dev.pamt.impl.oom."
    };
    private static final int LONGEST_MESSAGE = 160;

    private String found;
    private String accident;
    private int tests;

    private MutantRun() {}

    /**
     * Runs tests.
     *
     * @param args classes by their simple names, each with #method or without, separated by commas
     */
    public static void main(String[] args) throws ClassNotFoundException {
        List<DiscoverySelector> selectors = new ArrayList<>();
        for (String test : args[0].split(",", -1)) {
            selectors.add(selectorOf(test));
        }
        MutantRun run = new MutantRun();
        LauncherDiscoveryRequest request =
                LauncherDiscoveryRequestBuilder.request().selectors(selectors).build();
        Launcher launcher = LauncherFactory.create();
        launcher.execute(request, run);
        PrintStream out = System.out;
        out.println();
        out.println(run.verdict());
        // Threads of a test that has failed may still wait for something.
        System.exit(0);
    }

    private static DiscoverySelector selectorOf(String test) throws ClassNotFoundException {
        int hash = test.indexOf('#');
        Class<?> type = classOf(hash < 0 ? test : test.substring(0, hash));
        return hash < 0 ? selectClass(type) : selectMethod(type, methodOf(type, test.substring(hash + 1)));
    }

    private static Method methodOf(Class<?> type, String name) {
        for (Class<?> owner = type; owner != null; owner = owner.getSuperclass()) {
            for (Method method : owner.getDeclaredMethods()) {
                if (method.getName().equals(name)) {
                    return method;
                }
            }
        }
        throw new IllegalArgumentException(type + " has no method " + name);
    }

    private static Class<?> classOf(String simpleName) throws ClassNotFoundException {
        ClassLoader loader = MutantRun.class.getClassLoader();
        String file = simpleName.replaceAll("\\$.*", "") + ".class";
        for (String inPackage : PACKAGES) {
            if (loader.getResource(inPackage.replace('.', '/') + file) != null) {
                return Class.forName(inPackage + simpleName, false, loader);
            }
        }
        throw new ClassNotFoundException(simpleName);
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        tests += test.isTest() ? 1 : 0;
        result.getThrowable().ifPresent(thrown -> {
            String line =
                    String.valueOf(thrown.getMessage()).lines().findFirst().orElse("");
            String message = line.substring(0, Math.min(line.length(), LONGEST_MESSAGE));
            if (thrown instanceof AssertionError && found == null) {
                found = "found: " + test.getDisplayName() + ", " + message;
            } else if (!(thrown instanceof AssertionError) && accident == null) {
                accident = "accident: " + test.getDisplayName() + ", "
                        + thrown.getClass().getSimpleName() + " " + message;
            }
        });
    }

    private String verdict() {
        if (found != null) {
            return found;
        }
        if (accident != null) {
            return accident;
        }
        return tests == 0 ? "no test" : "nothing";
    }
}
