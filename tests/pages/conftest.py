"""The browser of the tests of pages."""

from pages_made import browser, open_page  # noqa: F401 - fixtures
