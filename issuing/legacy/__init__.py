"""The old system's documents (MongoDB, as JSON lines) on their way into our tables (docs/decisions/0008).

A line is read (lines, json_line), freed of card data (card_secrets), told apart (kinds), and judged field by field
(card_document, transaction_document). What is good goes in batches into the database (importing, cards, transactions).
"""
