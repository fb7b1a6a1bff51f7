"""Our own money: top-ups and payouts between our bank and our balances, followed from order to arrival, and posted."""
