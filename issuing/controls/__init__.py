"""Controls: rules by staff or a cardholder that decline, flag or change a purchase; versioned and counted."""
