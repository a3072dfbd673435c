// Somebody in front of a page, in a browser of their own.
import { judge, must } from './eyes.mjs';

export class Visitor {
  /** Somebody who goes to this origin and nowhere else. `settings`: of the browser, such as its width, or that it runs no scripts. */
  static async with(browser, origin, settings = {}) {
    const visitor = new this();
    visitor.origin = origin;
    visitor.context = await browser.newContext({ locale: 'nl-NL', ...settings });
    visitor.page = await visitor.context.newPage();
    visitor.page.setDefaultTimeout(30_000);
    visitor.complaints = [];
    visitor.page.on('console', (said) => {
      // The browser reports a refused form (422, 403) as an error; that is not one.
      if (said.type() === 'error' && !said.text().includes('Failed to load resource')) visitor.complaints.push(said.text());
    });
    visitor.page.on('pageerror', (error) => visitor.complaints.push(String(error)));
    visitor.page.on('request', (request) => {
      if (!request.url().startsWith(origin)) visitor.complaints.push(`asks for ${request.url()}`);
    });
    return visitor;
  }

  async go(path) {
    await this.page.goto(this.origin + path);
  }

  async text() {
    return this.page.locator('body').innerText();
  }

  /** Does what leads to another page, and waits until the whole of that is there: a click alone ends before. */
  async follow(act) {
    const there = this.page.waitForEvent('load');
    await Promise.all([there, act()]);
  }

  /** Presses the first button of this name; another page comes. */
  async press(name) {
    await this.follow(() => this.page.getByRole('button', { name }).first().click());
  }

  /** Fills this in and sends it; another page comes. */
  async send(field, text) {
    await this.page.locator(field).fill(text);
    await this.follow(() => this.page.locator(field).press('Enter'));
  }

  /** Nothing is to be said against this page; fields of the type `except` may be small. */
  async judge(name, pictures, except = 'checkbox') {
    await judge(this.page, name, { pictures, except });
  }

  /** Who goes on elsewhere is given back: nobody may ask for codes without end. */
  async leave() {
    must(this.complaints.length === 0, `the browser has nothing to complain of: ${this.complaints.join('\n')}`);
    const storageState = await this.context.storageState();
    await this.context.close();
    return { storageState };
  }
}

/** Where a keyboard is on this page, and whether that is seen. */
export async function focused(page) {
  return page.evaluate(() => {
    const one = document.activeElement;
    const style = getComputedStyle(one);
    const label = one.getAttribute('aria-label');
    const text = one === document.body ? '' : one.innerText || one.id || one.value || label;
    return { text, label, id: one.id, value: one.value, seen: style.outlineStyle !== 'none' && style.outlineWidth !== '0px' };
  });
}

/** Goes on with the keyboard until there; whatever is met must be seen to have the focus. */
export async function tabTo(page, is) {
  for (let times = 0; times < 60; times += 1) {
    await page.keyboard.press('Tab');
    const one = await focused(page);
    if (one.text) must(one.seen, `it is seen that ${one.text} has the focus`);
    if (is(one)) return;
  }
  throw new Error(`a keyboard does not get there: ${is}`);
}
