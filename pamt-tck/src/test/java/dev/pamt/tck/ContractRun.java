package dev.pamt.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** What became of the tests of a contract. */
final class ContractRun implements TestExecutionListener {
    private final List<String> failures = new ArrayList<>();
    private final List<String> skipped = new ArrayList<>();
    private final List<String> passed = new ArrayList<>();

    private ContractRun() {}

    static ContractRun of(Class<?> contract) {
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(selectClass(contract))
                .build();
        ContractRun run = new ContractRun();
        LauncherFactory.create().execute(request, run);
        return run;
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        if (test.isTest()) {
            switch (result.getStatus()) {
                case SUCCESSFUL -> passed.add(test.getDisplayName());
                case ABORTED -> skipped.add(test.getDisplayName());
                case FAILED ->
                    failures.add(
                            result.getThrowable().map(Throwable::getMessage).orElse("a test without a reason"));
            }
        }
    }

    /** The contract is not kept, and all that it has to say is about one rule. */
    void failsExactly(String rule) {
        assertTrue(!failures.isEmpty(), () -> rule + " is broken, and nothing has failed");
        for (String failure : failures) {
            assertTrue(failure.startsWith(rule + ": "), () -> rule + " is broken, and these fail: " + failures);
        }
    }

    /** The contract is kept, but for tests of what the implementation has not. */
    void passes(String... notThere) {
        assertEquals(List.of(), failures);
        assertEquals(Set.of(notThere), Set.copyOf(skipped));
        assertTrue(!passed.isEmpty());
    }

    List<String> failures() {
        return failures;
    }

    List<String> skipped() {
        return skipped;
    }
}
