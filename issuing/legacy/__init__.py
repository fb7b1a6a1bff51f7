"""The old system's documents (MongoDB, as JSON lines) on their way into our tables (docs/decisions/0008).

A line is read (lines, json_line), freed of card data (redaction), assigned to a kind (document_kinds), and checked
field by field (card_document, transaction_document). Valid documents are written to the database in batches (importing,
cards, transactions), and stored beside the rows that were made from them (stored_documents).
"""
