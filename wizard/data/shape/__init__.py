"""Rows and what they mean: shared by the screen (through `readers`) and the prepare stage. Standard library only."""

from wizard.data.shape.fault import DataFault
from wizard.data.shape.layout import Converted, Message, Messages, Shape
from wizard.data.shape.recognising import HEAD_ROWS, recognise, to_messages
from wizard.data.shape.rows import rows, rows_of, sha256_of
from wizard.data.shape.source import Source, open_source

__all__ = [
    "HEAD_ROWS",
    "Converted",
    "DataFault",
    "Message",
    "Messages",
    "Shape",
    "Source",
    "open_source",
    "recognise",
    "rows",
    "rows_of",
    "sha256_of",
    "to_messages",
]
