"""What is done with a served model: talked to, measured, and asked by other programs."""

from wizard.session.using.conversation import BASE, TUNED, Conversation, Exchange
from wizard.session.using.orders import ORDERS, Reply, is_order, obey
from wizard.session.using.snippets import FORMS

__all__ = ["BASE", "FORMS", "ORDERS", "TUNED", "Conversation", "Exchange", "Reply", "is_order", "obey"]
