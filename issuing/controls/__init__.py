"""Controls: rules that decline, flag or change a purchase, written by staff or the cardholder, versioned and counted."""
