package dev.pamt.lab;

import dev.pamt.lab.host.GuestMemory.Backing;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads what guest memory is made of. */
final class BackingConverter implements ITypeConverter<Backing> {
    @Override
    public Backing convert(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "4k" -> Backing.PAGES_4K;
            case "2m" -> Backing.CHUNKS_2M;
            case "1g" -> Backing.CHUNKS_1G;
            default -> throw new TypeConversionException("'" + text + "' is no backing; there are 4k, 2m and 1g");
        };
    }

    /** The name of a backing on the command line. */
    static String name(Backing backing) {
        return switch (backing) {
            case PAGES_4K -> "4k";
            case CHUNKS_2M -> "2m";
            case CHUNKS_1G -> "1g";
        };
    }
}
