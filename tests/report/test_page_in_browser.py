"""What a reader sees: in a real browser, wide and narrow, with and without JavaScript."""

import json
from itertools import pairwise

import pytest
from support.pages import hostile, long_names

WIDTHS = (1280, 400)

# The lines of text that can be seen, each clipped by the boxes that scroll: [left, top, right, bottom, text].
LINES = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    if (!node.data.trim() || node.parentElement.localName === 'title') continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const inDrawing = node.parentElement.namespaceURI.endsWith('svg');
    const rects = inDrawing ? [node.parentElement.getBoundingClientRect()] : range.getClientRects();
    for (const rect of rects) {
      let box = [rect.left, rect.top, rect.right, rect.bottom];
      for (let up = node.parentElement; up; up = up.parentElement) {
        const scrolls = getComputedStyle(up).overflowX !== 'visible';
        if (scrolls && up !== document.documentElement && up !== document.body && !up.closest('svg')) {
          const edge = up.getBoundingClientRect();
          box = [Math.max(box[0], edge.left), Math.max(box[1], edge.top),
                 Math.min(box[2], edge.right), Math.min(box[3], edge.bottom)];
        }
      }
      if (box[2] - box[0] > 0.5 && box[3] - box[1] > 0.5) found.push([...box, node.data.trim().slice(0, 60)]);
    }
  }
  return found;
}"""
# Text that leaves an element which hides what does not fit.
CUT = """() => [...document.body.querySelectorAll('*')].filter(one =>
  ['hidden', 'clip'].includes(getComputedStyle(one).overflowX) && !one.closest('svg')
  && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1))
  .map(one => one.outerHTML)"""
# Cells whose text is wider than they are.
SPILT = """() => [...document.querySelectorAll('th, td, dd, dt, li, p, h1, h2, h3, figcaption, pre')]
  .filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.outerHTML)"""
PICTURES = """() => [...document.querySelectorAll('img, svg')].map(one => {
  const box = one.getBoundingClientRect();
  const loaded = one.localName === 'svg' || one.naturalWidth > 0;
  return [box.width, box.height, loaded, one.alt ?? one.getAttribute('aria-label')];
})"""
BOXES = """() => [...document.querySelectorAll('.scroll')].map(one => [
  one.tabIndex, one.getAttribute('aria-label'),
  one.scrollHeight - one.clientHeight, one.scrollWidth - one.clientWidth])"""
SIZES = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@pytest.fixture
def see(browser, tmp_path):
    """Open a page; gives it, and the list that fills with what it asked for or complained of."""
    contexts = []

    def see(content: bytes, width: int, scripts: bool = True):
        file = tmp_path / f"page{len(contexts)}.html"
        file.write_bytes(content)
        context = browser.new_context(java_script_enabled=scripts, viewport={"width": width, "height": 900})
        contexts.append(context)
        page, heard = context.new_page(), []
        page.on("console", lambda said: heard.append(said.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("dialog", lambda dialog: (heard.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: request.url == file.as_uri() or heard.append(request.url))
        page.goto(file.as_uri())
        return page, heard

    yield see
    for context in contexts:
        context.close()


def overlapping(lines):
    """Pairs of lines of text that share more than a seam."""
    found = []
    for number, (left, top, right, bottom, text) in enumerate(lines):
        for other in lines[number + 1 :]:
            wide = min(right, other[2]) - max(left, other[0])
            high = min(bottom, other[3]) - max(top, other[1])
            if wide > 1 and high > 0.3 * min(bottom - top, other[3] - other[1]):
                found.append((text, other[4]))
    return found


def require_readable(page, width):
    for wide, high, loaded, words in page.evaluate(PICTURES):
        assert wide > 90 and high > 50 and loaded and words
    whole, seen = page.evaluate(SIZES)
    assert whole == seen == width
    lines = page.evaluate(LINES)
    assert len(lines) > 100
    assert overlapping(lines) == []
    beyond = [line for line in lines if line[0] < -0.5 or line[2] > width + 0.5]
    assert beyond == []
    assert page.evaluate(CUT) == page.evaluate(SPILT) == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("change", "scripts"),
    [(lambda values: values, True), (lambda values: values, False), (long_names, True), (hostile, True)],
    ids=["plain", "no-scripts", "long", "hostile"],
)
def test_it_can_be_read(see, values, change, width, scripts):
    page, heard = see(change(values).page, width, scripts)
    assert len(page.evaluate(PICTURES)) == 11, "budget, plan, two of layers, steps, four samples, two devices"
    require_readable(page, width)
    assert heard == []


@pytest.mark.long
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_of_a_deep_network_can_be_read(see, converted, width):
    content = (converted("resnet56-refined") / "report.html").read_bytes()
    assert len(content) < 2_000_000
    page, heard = see(content, width)
    require_readable(page, width)
    assert heard == []


def test_what_is_asked_for_and_complained_of_is_heard(see):
    """The listeners of the test above work."""
    _, heard = see(
        b"<!DOCTYPE html><img src='http://127.0.0.1:9/x.png'><script>console.log('said')</script>", 400
    )
    assert "said" in heard and "http://127.0.0.1:9/x.png" in heard


def test_what_overlaps_is_found(see):
    page, _ = see(b"<!DOCTYPE html><p>one two</p><p style='margin-top:-28px'>three four</p>", 400)
    assert overlapping(page.evaluate(LINES)) == [("one two", "three four")]


def test_names_of_the_plan_show_when_pointed_at(see, values):
    page, _ = see(values.page, 1280)
    titles = page.evaluate(
        "() => [...document.querySelectorAll('#memory svg title')].map(one => one.textContent)"
    )
    assert any(values.manifest.layers[0].name in title for title in titles), json.dumps(titles)


def test_every_table_has_heads_and_every_box_can_be_reached_by_keyboard(see, values):
    page, _ = see(values.page, 400)
    assert page.evaluate(
        "() => [...document.querySelectorAll('table')].every(one => one.querySelector('th[scope=col]'))"
    )
    boxes = page.evaluate(BOXES)
    assert len(boxes) > 10 and all(index == 0 and label for index, label, *_ in boxes)
    headings = page.evaluate(
        "() => [...document.querySelectorAll('h1, h2, h3')].map(one => +one.localName[1])"
    )
    assert headings[0] == 1 and headings.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))


@pytest.mark.parametrize("change", [lambda values: values, long_names], ids=["plain", "long"])
def test_print_leaves_nothing_out(see, values, change):
    """A4 across, within the margins."""
    page, _ = see(change(values).page, 1031)
    page.emulate_media(media="print")
    whole, seen = page.evaluate(SIZES)
    assert whole == seen
    boxes = page.evaluate(BOXES)
    assert all(high <= 1 and wide <= 1 for *_, high, wide in boxes)
