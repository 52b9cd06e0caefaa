/**
 * The protocols that Linux tried, as small classes over a model of the module: those with a hole must show it.
 *
 * <p>{@code docs/protocols.md} has the table of protocols and races; {@code ProtocolTableTest} runs every cell of it.
 */
package dev.pamt.races.exhibits;
