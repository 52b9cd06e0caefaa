package dev.pamt.lab;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which part of the library may know which: the arrows between packages, and no cycle among them. */
class ArchitectureTest {
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.pamt");

    private static final String SPI = "dev.pamt.seamcall";
    private static final String DECORATOR = "dev.pamt.seamcall.decorator..";
    private static final String HARNESS = "dev.pamt.seamcall.harness..";
    private static final String EMULATOR = "dev.pamt.seamcall.emulator..";
    private static final String CONFORMANCE = "dev.pamt.seamcall.conformance..";
    private static final String API = "dev.pamt.api..";
    private static final String IMPL = "dev.pamt.impl..";
    private static final String HOST = "dev.pamt.impl.host..";
    private static final String LAB = "dev.pamt.lab..";

    private static void holds(ArchRule rule) {
        rule.check(CLASSES);
    }

    @Test
    void allPartsAreLookedAt() {
        for (String part : List.of(SPI, DECORATOR, EMULATOR, CONFORMANCE, API, IMPL, HOST, LAB)) {
            DescribedPredicate<JavaClass> inPart = JavaClass.Predicates.resideInAPackage(part);
            assertTrue(CLASSES.stream().anyMatch(inPart), part);
        }
    }

    @Test
    void theSpiKnowsNothingOfOurs() {
        holds(noClasses()
                .that()
                .resideInAnyPackage(SPI, DECORATOR, HARNESS)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(EMULATOR, CONFORMANCE, API, IMPL, LAB));
    }

    @Test
    void theSpisFrontKnowsNothingBehindIt() {
        holds(noClasses()
                .that()
                .resideInAPackage(SPI)
                .should()
                .dependOnClassesThat()
                .resideInAPackage(DECORATOR));
    }

    @Test
    void theEmulatorKnowsTheSpiOnly() {
        holds(noClasses()
                .that()
                .resideInAPackage(EMULATOR)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(CONFORMANCE, API, IMPL, LAB));
    }

    @Test
    void theKitForRecordingsKnowsTheSpiOnly() {
        holds(noClasses()
                .that()
                .resideInAPackage(CONFORMANCE)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(EMULATOR, API, IMPL, LAB));
    }

    @Test
    void theApiKnowsNoImplementation() {
        holds(noClasses()
                .that()
                .resideInAPackage(API)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(EMULATOR, CONFORMANCE, IMPL, LAB));
    }

    @Test
    void theManagerKnowsTheApiAndTheSpiOnly() {
        holds(noClasses()
                .that()
                .resideInAPackage(IMPL)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(EMULATOR, CONFORMANCE, LAB));
    }

    @Test
    void theHostLiesBelowTheManager() {
        holds(noClasses()
                .that()
                .resideInAPackage(HOST)
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.pamt.impl"));
    }

    @Test
    void theLabUsesThePublicApiOnly() {
        holds(noClasses()
                .that()
                .resideInAPackage(LAB)
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(IMPL, EMULATOR));
    }

    /** The API and its service interfaces know each other, as java.nio.file and java.nio.file.spi do. */
    @Test
    void noTwoPackagesKnowEachOther() {
        holds(slices().matching("dev.pamt.(**)")
                .should()
                .beFreeOfCycles()
                .ignoreDependency(
                        JavaClass.Predicates.resideInAPackage("dev.pamt.api"),
                        JavaClass.Predicates.resideInAPackage("dev.pamt.api.spi")));
    }
}
