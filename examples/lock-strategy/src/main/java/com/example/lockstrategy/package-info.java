/** A lock strategy as a user would write it. */
package com.example.lockstrategy;
