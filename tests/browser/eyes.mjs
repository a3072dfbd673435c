// What both stories look with: a real Chromium, what must be so, and axe's rules.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

/** WCAG 2.2 AA, and what axe thinks is good practice. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

let checks = 0;

/** Ends the story if it is not so. */
export function must(holds, what) {
  checks += 1;
  if (!holds) throw new Error(`not so: ${what}`);
}

/** How many things were so. */
export const howMany = () => checks;

/** What `look` finds at last, within so many milliseconds. */
export async function until(look, what, within) {
  const end = Date.now() + within;
  while (Date.now() < end) {
    const found = await look();
    if (found) return found;
    await new Promise((again) => setTimeout(again, 50));
  }
  throw new Error(`it never came: ${what}`);
}

/** The program in HWC_CHROMIUM, or `chromium` on the PATH. When there is none this fails. */
export async function opened(more = []) {
  const named = process.env.HWC_CHROMIUM ? [process.env.HWC_CHROMIUM] : ['chromium', 'chromium-browser'];
  for (const name of named) {
    const where = spawnSync('sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' });
    if (where.status === 0) {
      const args = [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), ...more];
      return chromium.launch({ executablePath: where.stdout.trim(), args });
    }
  }
  throw new Error('no chromium: install it, or name it in HWC_CHROMIUM');
}

/** What has to have a name before a screen reader can say what it is. */
const CONTROLS = ['button', 'link', 'textbox', 'searchbox', 'checkbox', 'radio', 'combobox', 'listbox', 'switch', 'slider', 'spinbutton'];

/** The page as Chromium tells it to a screen reader, in the order in which it is read. */
export async function heard(page) {
  const line = await page.context().newCDPSession(page);
  const { nodes } = await line.send('Accessibility.getFullAXTree');
  await line.detach();
  const byId = new Map(nodes.map((node) => [node.nodeId, node]));
  const property = (node, name) => node.properties?.find((one) => one.name === name)?.value.value;
  const text = (node) => (node.role?.value === 'StaticText' ? node.name?.value ?? '' : (node.childIds ?? []).map((id) => text(byId.get(id))).join(' '));
  const order = [];
  const walk = (node) => {
    if (!node.ignored) {
      order.push({ role: node.role.value, name: (node.name?.value ?? '').trim(), level: property(node, 'level'), focused: property(node, 'focused') === true, text: text(node) });
    }
    for (const id of node.childIds ?? []) walk(byId.get(id));
  };
  walk(nodes.find((node) => !node.parentId));
  return order;
}

/** What somebody who does not see the page needs: a title, a language, headings in order, a main part, and a name for everything to press. */
async function listen(page, name) {
  const order = await heard(page);
  must(order[0].role === 'RootWebArea' && order[0].name !== '', `${name} has a title`);
  const language = await page.evaluate(() => document.documentElement.lang);
  must(['nl', 'en'].includes(language), `${name} says its language`);
  const levels = order.filter((one) => one.role === 'heading').map((one) => one.level);
  must(levels[0] === 1 && levels.filter((level) => level === 1).length === 1, `${name} has one first heading: ${levels}`);
  must(levels.every((level, at) => at === 0 || level <= levels[at - 1] + 1), `${name} leaves out no heading: ${levels}`);
  must(order.filter((one) => one.role === 'heading').every((one) => one.name !== ''), `${name} has no empty heading`);
  must(order.filter((one) => one.role === 'main').length === 1, `${name} has one main part`);
  const mute = order.filter((one) => CONTROLS.includes(one.role) && one.name === '');
  must(mute.length === 0, `everything to press on ${name} has a name: ${JSON.stringify(mute)}`);
  const said = order.filter((one) => one.role === 'status' || one.role === 'alert');
  must(said.every((one) => one.text.trim() !== ''), `${name} announces nothing empty`);
}

/** A picture of the page. Chromium cannot always take one at once; whoever cannot at the third time says so. */
export async function picture(page, path, more = {}) {
  for (let times = 1; ; times += 1) {
    try {
      return await page.screenshot({ path, ...more });
    } catch (error) {
      if (times === 3) throw error;
      await page.waitForTimeout(500);
    }
  }
}

/** Nothing to be said against this page, in light and dark, wide and narrow; and a picture of each. What is `except` may be small. */
export async function judge(page, name, { pictures, except }) {
  await listen(page, name);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const width of [320, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      const judged = await new AxeBuilder({ page }).withTags(RULES).analyze();
      const faults = judged.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(' ')}`);
      must(faults.length === 0, `axe finds nothing on ${name}, ${colorScheme}, ${width}:\n${faults.join('\n')}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      must(wide <= width, `${name} fits into ${width}: ${wide}`);
      await picture(page, join(pictures, `${name}-${colorScheme}-${width}.png`), { fullPage: true });
    }
  }
  const small = await page.evaluate((except) => [...document.querySelectorAll(`button, nav a, input:not([type=hidden]):not([type=${except}])`)]
    .filter((one) => one.getBoundingClientRect().height < 24).map((one) => one.outerHTML), except);
  must(small.length === 0, `everything to press on ${name} is large enough: ${small}`);
  await page.emulateMedia({ colorScheme: 'light' });
}
