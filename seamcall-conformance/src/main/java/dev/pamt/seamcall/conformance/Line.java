package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.harness.GuestDriver.StepOutcome;
import java.util.List;
import java.util.Map;

/**
 * A line of a recording after its header, as {@code docs/vectors.md} has it. {@link LineParser} makes them.
 *
 * <p>Immutable and thread-safe. A component that may be null says so; null is what a line does not list.
 */
sealed interface Line
        permits Line.Call, Line.SysConfig, Line.GuestStep, Event, Line.Note, Line.RecordedRace, Line.Unknown {
    /** Where a line is, and what reports call it. */
    record Place(int number, long n, String name) {
        /** The number of a line that is not numbered by the recording. */
        static final long NOT_NUMBERED = -1;
    }

    /** The place of the line. */
    Place place();

    /** Registers as listed, without those that are not. */
    record Listed(Map<TdxOperand, Long> registers) {
        public Listed {
            registers = Map.copyOf(registers);
        }

        /** The value of a register, or another one if it is not listed. */
        long orElse(TdxOperand register, long missing) {
            return registers.getOrDefault(register, missing);
        }

        /** Writes what is listed. */
        void into(SeamcallRegisters regs) {
            registers.forEach(regs::set);
        }
    }

    /** What comes back from a call: RAX, and registers; those that are not listed are unchanged. */
    record Answer(long rax, Listed listed) {}

    /** The state after a call: words of the PAMT_2M entry, the lock of the PAMT_1G entry, two bits; each may be null. */
    record State(List<Long> pamt2m, Long lock1g, Long bitmapRdx, Long bitmapR8) {}

    /** A level, and the raw Secure EPT entries before and after, either of which may be null. */
    record SeptEntries(int level, Long before, Long after) {}

    /** The registers with which VP.ENTER returns. */
    record Exit(long rax, Listed listed) {}

    /**
     * A call.
     *
     * @param rax the leaf word
     * @param in every input; not to be written
     * @param out null if the vCPU is entered
     * @param status what {@code out.rax} is in words, may be null
     * @param post may be null
     * @param guestRax RAX of the guest that is entered, may be null
     * @param staysIn32Bit whether the guest that is entered is not switched to 64-bit mode
     */
    record Call(
            Place place,
            int processor,
            long rax,
            SeamcallRegisters in,
            Answer out,
            String status,
            State post,
            Long guestRax,
            boolean staysIn32Bit)
            implements Line {
        /** A copy of the inputs. */
        SeamcallRegisters inputs() {
            return new SeamcallRegisters().set(in);
        }
    }

    /**
     * A SYS.CONFIG with a machine of its own.
     *
     * @param options R8 unless the inputs list it
     * @param in the inputs that are not the usual ones
     */
    record SysConfig(
            Place place,
            RecordedPlatform platform,
            List<RecordedTdmr> tdmrs,
            long options,
            Listed in,
            Answer out,
            String status)
            implements Line {}

    /**
     * What a guest does, and what becomes of it.
     *
     * @param tdvprHpa the root page of its vCPU
     * @param vector of the exception, if the outcome is one
     * @param exit may be null
     * @param sept may be null
     * @param interruptAfterPolls negative if no interrupt arrives
     */
    record GuestStep(
            Place place,
            int processor,
            long tdvprHpa,
            GuestDeed deed,
            String status,
            StepOutcome outcome,
            long vector,
            Exit exit,
            SeptEntries sept,
            boolean sameInstruction,
            boolean hostPriorityExpired,
            int interruptAfterPolls)
            implements Line {}

    /**
     * A comment, or word that the harness wrote TD_PARAMS.
     *
     * @param tdParams null in a comment
     */
    record Note(Place place, String text, TdParams tdParams) implements Line {}

    /** What differs in a TD_PARAMS from the usual one. */
    record TdParams(long attributes, long l2Vms) {}

    /**
     * A race of two processors.
     *
     * @param regions the 2M regions whose entries are part of an outcome
     * @param watch the words that are part of an outcome
     * @param setup calls, and notes of TD_PARAMS
     * @param first what processor 0 does
     * @param second what processor 1 does
     * @param outcomes what was recorded
     * @param allowed what was derived by reading the module's code
     */
    record RecordedRace(
            Place place,
            String about,
            Map<String, Long> regions,
            Map<String, Long> watch,
            List<Line> setup,
            List<Call> first,
            List<Call> second,
            List<RaceOutcome> outcomes,
            List<RaceStatuses> allowed)
            implements Line {
        String name() {
            return place.name();
        }
    }

    /** The statuses of a race, one for each call. */
    record RaceStatuses(List<String> first, List<String> second) {
        @Override
        public String toString() {
            return first + " || " + second;
        }
    }

    /**
     * A recorded outcome of a race.
     *
     * @param firstOut the registers of each call of processor 0 that count, may be null
     * @param secondOut the same of processor 1
     * @param finalState the state afterwards, in words
     */
    record RaceOutcome(RaceStatuses statuses, List<Listed> firstOut, List<Listed> secondOut, String finalState) {}

    /** A line that is none of these. */
    record Unknown(Place place) implements Line {}
}
