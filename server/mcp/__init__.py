"""The only folder that knows the protocol's SDK: tools, questions, prompts, resources, receipts."""
