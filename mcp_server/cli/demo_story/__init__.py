"""The demo's stories, the stage they are played on, and the witness that checks what they claim."""
