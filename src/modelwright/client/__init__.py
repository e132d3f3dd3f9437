"""A client of the service, for programs that ask a model: light, and without the training stack.

    from modelwright import Client

    with Client("http://127.0.0.1:8000", key) as client:
        print(client.predict({"text": "where is my parcel?"}).prediction)

`AsyncClient` has the same methods, to be awaited. Both need the extra `client`.
"""
