package dev.pamt.lab.experiment;

import dev.pamt.lab.report.ResultTable.Cell;
import dev.pamt.lab.report.ResultTable.Column;
import java.util.List;

/**
 * What an experiment does for each of its rows.
 *
 * <p><b>Thread-safety:</b> none; one row at a time.
 */
public interface Trial {
    /**
     * The columns of its table, the first of which says what the row is.
     *
     * @return columns
     */
    List<Column> columns();

    /**
     * Runs a row. Whatever happens, TDs that were started have ended when it returns.
     *
     * @param label what the row is
     * @param stage a host that nothing else uses
     * @return a cell for each column
     * @throws InterruptedException if this thread is interrupted
     */
    List<Cell> run(String label, Stage stage) throws InterruptedException;
}
