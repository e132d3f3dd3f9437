"""What is told of answers: their ids, the feedback that names them, and requests that are kept where that was asked for."""
