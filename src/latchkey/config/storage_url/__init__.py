"""The URL of the database that contains the store, `[storage] url`."""

from latchkey.config.storage_url.parsing import StorageUrl, parse_storage_url, problem_in_file, storage_url_problem

__all__ = ["StorageUrl", "parse_storage_url", "problem_in_file", "storage_url_problem"]
