package dev.pamt.lab;

import dev.pamt.api.LockStrategy;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** The built-in lock strategies by name. */
final class Strategies implements ITypeConverter<LockStrategy> {
    /** Enough that two of a hundred vCPUs seldom meet, and few enough to fit a page. */
    private static final int DEFAULT_LOCKS = 64;

    private static final Pattern HASHED = Pattern.compile("hashed(?:[:(](?<locks>\\d{1,9})\\)?)?");

    static List<LockStrategy> builtIn() {
        return List.of(LockStrategy.global(), LockStrategy.hashed(DEFAULT_LOCKS), LockStrategy.per2M());
    }

    @Override
    public LockStrategy convert(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        Matcher hashed = HASHED.matcher(lower);
        if (lower.equals("global")) {
            return LockStrategy.global();
        } else if (lower.equals("per2m")) {
            return LockStrategy.per2M();
        } else if (hashed.matches()) {
            try {
                String locks = hashed.group("locks");
                return LockStrategy.hashed(locks == null ? DEFAULT_LOCKS : Integer.parseInt(locks));
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException("'" + name + "': " + e.getMessage());
            }
        }
        throw new TypeConversionException(
                "'" + name + "' is no lock strategy; there are global, hashed, hashed:<number of locks> and per2M");
    }
}
