"""What rows mean: shared by the screen (through `readers`) and the prepare stage. Standard library only."""

from wizard.data.shape.example import Converted, Example, Message, Messages
from wizard.data.shape.fault import DataFault
from wizard.data.shape.layout import Shape
from wizard.data.shape.llamafactory import from_llamafactory
from wizard.data.shape.recognising import HEAD_ROWS, recognise, to_example

__all__ = [
    "HEAD_ROWS",
    "Converted",
    "DataFault",
    "Example",
    "Message",
    "Messages",
    "Shape",
    "from_llamafactory",
    "recognise",
    "to_example",
]
