# `make demo` and `make test` install what they need (setup.sh) on a fresh machine.
BIN := .venv/bin
C_SOURCES = $(shell git ls-files '*.c' '*.h' '*.cc' '*.cpp')

.PHONY: demo test test-long test-pi bench lint format setup clean

demo: setup
	@$(BIN)/python examples/digits/demo.py build

test: setup lint
	$(BIN)/pytest -n 2 --dist loadgroup -m "not long"

# The whole campaigns: every operator over a thousand cases and more, every model on every board.
test-long: setup lint
	$(BIN)/pytest -n 2 --dist loadgroup

# The base install on emulated Raspberry Pi systems; as root, with debootstrap and qemu-user-static.
test-pi: setup
	@PYTHONPATH=tests $(BIN)/python tests/pi/run.py

# Instructions, modelled cycles and memory of models against benchmarks/baseline.json.
bench: setup
	$(BIN)/python benchmarks/check.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	clang-format --dry-run -Werror $(C_SOURCES)

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	clang-format -i $(C_SOURCES)

setup:
	@./setup.sh

clean:
	rm -rf build dist
