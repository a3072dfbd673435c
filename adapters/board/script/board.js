// Makes the board live: takes over what changed, part by part, and lets it be held. Without it the page is read again.
(() => {
  'use strict';
  const parts = document.getElementById('parts');
  const live = document.getElementById('live');
  const hold = document.getElementById('hold');
  const plain = document.getElementById('plain');
  if (!parts || !live || !hold || !window.EventSource) return;

  let held = false;
  let waiting = null;
  const say = (words) => { if (live.textContent !== words) live.textContent = words; };

  // Only parts that differ are put in, so that nobody loses their place in another.
  const take = (html) => {
    const fresh = document.createElement('template');
    fresh.innerHTML = html;
    for (const part of fresh.content.querySelectorAll('[data-part]')) {
      const old = document.getElementById(part.id);
      if (old && old.outerHTML !== part.outerHTML) old.replaceWith(part);
    }
  };

  const events = new EventSource('/live');
  events.addEventListener('open', () => { if (!held) say('Live: it renews itself.'); });
  events.addEventListener('board', (event) => {
    const html = JSON.parse(event.data);
    if (held) waiting = html; else take(html);
  });
  events.addEventListener('error', () => {
    // Closed for good: nobody is logged in here any more, or somebody in between said no.
    if (events.readyState === EventSource.CLOSED) {
      say('Not live any more: this is how it stood.');
      plain?.removeAttribute('hidden');
    } else if (!held) say('Not live at this moment; trying again.');
  });

  hold.hidden = false;
  hold.addEventListener('click', () => {
    held = !held;
    hold.setAttribute('aria-pressed', String(held));
    hold.textContent = held ? 'Go on' : 'Hold still';
    say(held ? 'Held still.' : 'Live: it renews itself.');
    if (!held && waiting !== null) {
      take(waiting);
      waiting = null;
    }
  });
  plain?.setAttribute('hidden', '');
})();
