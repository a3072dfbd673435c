// The municipality's desk in a real Chromium, on a morning with invented cases: as its people use it, and by axe's rules.
//
//   node desk.mjs DESK OUT     DESK: the example desk_on_show of adapters/desk; OUT: a folder for screenshots
//
// Chromium is the program in HWC_CHROMIUM, or `chromium` on the PATH. When there is none this fails.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

const [program, out] = process.argv.slice(2);
if (!program || !out) throw new Error('usage: node desk.mjs DESK OUT');
mkdirSync(out, { recursive: true });

const WITHIN = 60_000;
const NAMES = ['Lotje', 'Lotte', 'Smit', 'Noa', 'Berg', 'Jansen'];
/** WCAG 2.2 AA, and what axe thinks is good practice. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const REPORT = {
  period: '2026-10',
  region: {
    received: 412, sent: 371, not_sent: 41,
    sent_within: [{ item: '24 hours', signals: 288 }, { item: '48 hours', signals: 61 }, { item: 'later', signals: 22 }],
    sent_per_school: [], not_sent_per_reason: [{ item: 'enrolment_unknown', signals: 23 }, { item: 'enrolment_secret', signals: '<5' }],
  },
  municipalities: [{
    municipality: '0785', received: 31, sent: 24, not_sent: 7,
    sent_per_school: [{ item: 'school-01AA00', signals: 17 }, { item: 'school-02BB00', signals: null }],
    not_sent_per_reason: [{ item: 'enrolment_unknown', signals: '<5' }],
  }],
};

let checks = 0;
function must(holds, what) {
  checks += 1;
  if (!holds) throw new Error(`not so: ${what}`);
}

async function until(look, what) {
  const end = Date.now() + WITHIN;
  while (Date.now() < end) {
    const found = await look();
    if (found) return found;
    await new Promise((again) => setTimeout(again, 50));
  }
  throw new Error(`it never came: ${what}`);
}

function found() {
  const named = process.env.HWC_CHROMIUM ? [process.env.HWC_CHROMIUM] : ['chromium', 'chromium-browser'];
  for (const name of named) {
    const where = spawnSync('sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' });
    if (where.status === 0) return where.stdout.trim();
  }
  throw new Error('no chromium: install it, or name it in HWC_CHROMIUM');
}

/** A desk, with a morning of its own. */
class Desk {
  static async open() {
    const desk = new Desk();
    desk.folder = mkdtempSync(join(tmpdir(), 'hwc-desk-'));
    writeFileSync(join(desk.folder, '2026-10.json'), JSON.stringify(REPORT));
    desk.process = spawn(program, ['0', desk.folder], { stdio: 'inherit' });
    const port = await until(() => {
      if (desk.process.exitCode !== null) throw new Error('the desk ended');
      return existsSync(join(desk.folder, 'port')) && readFileSync(join(desk.folder, 'port'), 'utf8');
    }, 'the desk');
    desk.origin = `http://localhost:${port}`;
    return desk;
  }

  async code(who) {
    const file = join(this.folder, who);
    return until(() => existsSync(file) && readFileSync(file, 'utf8').length === 8 && readFileSync(file, 'utf8'), 'the code');
  }

  close() {
    this.process.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const named = (text) => NAMES.filter((name) => new RegExp(`\\b${name}\\b`).test(text));

/** Somebody in front of a page. */
class Visitor {
  static async with(browser, desk, settings) {
    const visitor = new Visitor();
    visitor.desk = desk;
    visitor.context = await browser.newContext({ locale: 'nl-NL', ...settings });
    visitor.page = await visitor.context.newPage();
    visitor.page.setDefaultTimeout(30_000);
    visitor.complaints = [];
    visitor.page.on('console', (said) => {
      if (said.type() === 'error' && !said.text().includes('Failed to load resource')) visitor.complaints.push(said.text());
    });
    visitor.page.on('pageerror', (error) => visitor.complaints.push(String(error)));
    visitor.page.on('request', (request) => {
      if (!request.url().startsWith(desk.origin)) visitor.complaints.push(`asks for ${request.url()}`);
    });
    return visitor;
  }

  async go(path) {
    await this.page.goto(this.desk.origin + path);
  }

  async text() {
    return this.page.locator('body').innerText();
  }

  async press(name) {
    await this.page.getByRole('button', { name }).first().click();
  }

  async logIn(who = 'wit') {
    rmSync(join(this.desk.folder, who), { force: true });
    await this.go('/');
    await this.page.locator('#address').fill(`${who}@gemeente.example`);
    await this.page.locator('#address').press('Enter');
    await this.page.locator('#code').fill(await this.desk.code(who));
    await this.page.locator('#code').press('Enter');
    await this.page.locator('nav').waitFor();
  }

  /** Nothing to be said against this page, in light and dark, wide and narrow; and a picture of each. */
  async judge(name) {
    const { page } = this;
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      for (const width of [320, 1280]) {
        await page.setViewportSize({ width, height: 800 });
        const judged = await new AxeBuilder({ page }).withTags(RULES).analyze();
        const faults = judged.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(' ')}`);
        must(faults.length === 0, `axe finds nothing on ${name}, ${colorScheme}, ${width}:\n${faults.join('\n')}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        must(wide <= width, `${name} fits into ${width}: ${wide}`);
        await page.screenshot({ path: join(out, `desk-${name}-${colorScheme}-${width}.png`), fullPage: true });
      }
    }
    const small = await page.evaluate(() => [...document.querySelectorAll('button, nav a, input:not([type=hidden]):not([type=radio])')]
      .filter((one) => one.getBoundingClientRect().height < 24).map((one) => one.outerHTML));
    must(small.length === 0, `everything to press on ${name} is large enough: ${small}`);
    await page.emulateMedia({ colorScheme: 'light' });
  }

  async leave() {
    must(this.complaints.length === 0, `the browser has nothing to complain of: ${this.complaints.join('\n')}`);
    await this.context.close();
  }
}

/** Both languages: every page by axe's rules; names on one page only, which is not printed. */
async function everyPage(browser, [language, words]) {
  const desk = await Desk.open();
  const visitor = await Visitor.with(browser, desk, {});
  const { page } = visitor;
  await visitor.go('/');
  if (language === 'en') await visitor.press('English');
  must((await page.locator('html').getAttribute('lang')) === language, `the page is in ${language}`);
  await visitor.judge(`${language}-1-login`);
  await visitor.logIn();
  for (const [path, name] of [['/', '2-waiting'], ['/passed-on', '3-passed-on'], ['/register', '4-register'], ['/reports', '5-reports'], ['/reports/2026-10', '6-report']]) {
    await visitor.go(path);
    must(named(await visitor.text()).length === 0, `${path} names nobody`);
    await visitor.judge(`${language}-${name}`);
  }
  await visitor.go('/');
  await page.getByRole('button', { name: words.open }).nth(1).click();
  await page.locator('.sought').waitFor();
  must(named(await visitor.text()).length > 0, 'a case names a child');
  must(new URL(page.url()).search === '', 'the address says nothing');
  await visitor.judge(`${language}-7-case`);
  await page.emulateMedia({ media: 'print' });
  must(!(await page.locator('h1').isVisible()), 'nothing is printed');
  await page.emulateMedia({ media: 'screen' });
  // The third is secret: that is said on the next page.
  await page.getByRole('radio', { name: words.third }).check();
  await visitor.press(words.pick);
  await page.getByRole('status').waitFor();
  await visitor.judge(`${language}-8-decided`);
  await page.getByRole('button', { name: words.open }).nth(1).click();
  await visitor.judge(`${language}-9-nobody-to-pick`);
  await visitor.go('/passed-on');
  await page.locator('table').getByRole('button', { name: words.recall }).first().click();
  await visitor.judge(`${language}-a-recall`);
  await page.getByRole('radio').first().check();
  await visitor.press(words.recallDo);
  await page.getByRole('status').waitFor();
  await visitor.go('/passed-on');
  await page.locator('#signal').fill('000000');
  await page.locator('#signal').press('Enter');
  await page.getByRole('radio').first().check();
  await visitor.press(words.recallDo);
  await page.getByRole('alert').waitFor();
  await visitor.judge(`${language}-b-unknown`);
  await visitor.go('/acts');
  await visitor.judge(`${language}-c-acts`);
  await visitor.leave();
  desk.close();
}

/** Deciding needs no script; and whoever goes back finds nobody. */
async function withoutScript(browser) {
  const desk = await Desk.open();
  const visitor = await Visitor.with(browser, desk, { javaScriptEnabled: false, viewport: { width: 320, height: 640 } });
  const { page } = visitor;
  await visitor.logIn();
  await visitor.press('Open: Geval 5b20e1');
  await page.locator('.sought').waitFor();
  await page.goto(`${desk.origin}/acts`);
  await back(page);
  await visitor.go('/');
  await visitor.press('Open: Geval 5b20e1');
  await visitor.press('Stuur door');
  must(named(await page.content()).length > 0, 'a browser does not send a form in which nothing is chosen');
  await page.getByRole('radio', { name: 'Leerling 1' }).check();
  await visitor.press('Stuur door');
  await page.getByRole('status').waitFor();
  must((await page.content()).includes('Doorgestuurd. De school'), 'it is passed on');
  for (let times = 0; times < 6; times += 1) await back(page);
  await page.goForward().catch(() => null);
  must(named(await until(() => page.content().catch(() => null), 'a page')).length === 0, 'nor forward');
  await visitor.leave();
  desk.close();
}

async function back(page) {
  await page.goBack({ timeout: 5_000 }).catch(() => null);
  const shown = await until(() => page.content().catch(() => null), 'a page');
  must(named(shown).length === 0, 'going back shows nobody');
}

/** With a keyboard alone, and always seeing where one is. */
async function byKeyboard(browser) {
  const desk = await Desk.open();
  const visitor = await Visitor.with(browser, desk, { viewport: { width: 390, height: 800 } });
  const { page } = visitor;
  const focused = () => page.evaluate(() => {
    const one = document.activeElement;
    const style = getComputedStyle(one);
    return { text: one.innerText || one.id || one.value, id: one.id, value: one.value, seen: style.outlineStyle !== 'none' && style.outlineWidth !== '0px' };
  });
  const tabTo = async (is) => {
    for (let times = 0; times < 60; times += 1) {
      await page.keyboard.press('Tab');
      const one = await focused();
      if (one.text) must(one.seen, `it is seen that ${one.text} has the focus`);
      if (is(one)) return;
    }
    throw new Error(`a keyboard does not get there: ${is}`);
  };
  await visitor.logIn();
  await page.keyboard.press('Tab');
  must((await focused()).text === 'Naar de inhoud', 'the first tab leads to the content');
  await tabTo((one) => one.text === 'Open');
  await page.keyboard.press('Enter');
  await page.locator('.sought').waitFor();
  await tabTo((one) => one.value === 'enrolment_ambiguous');
  await page.keyboard.press('ArrowDown');
  must((await focused()).value === 'enrolment_unknown', 'arrows choose a reason');
  await tabTo((one) => one.text === 'Houd het signaal tegen');
  await page.keyboard.press('Enter');
  await page.getByRole('status').waitFor();
  must((await visitor.text()).includes('Niet doorgestuurd.'), 'it is withheld');
  await visitor.leave();
  desk.close();
}

/** Whoever only looks has nothing to press. */
async function onlyLooking(browser) {
  const desk = await Desk.open();
  const visitor = await Visitor.with(browser, desk, {});
  await visitor.logIn('kijkt');
  must((await visitor.page.getByRole('button', { name: 'Open: ' }).count()) === 0, 'nothing can be opened');
  await visitor.judge('nl-d-only-looking');
  await visitor.go('/passed-on');
  must((await visitor.page.getByRole('button', { name: 'Roep terug' }).count()) === 0, 'nothing can be called back');
  await visitor.leave();
  desk.close();
}

const browser = await chromium.launch({ executablePath: found(), args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
let failed;
try {
  await everyPage(browser, ['nl', { open: 'Open: ', third: 'Leerling 3', pick: 'Stuur door', recall: 'Roep terug', recallDo: 'Roep dit signaal terug' }]);
  await everyPage(browser, ['en', { open: 'Open: ', third: 'Pupil 3', pick: 'Pass on to', recall: 'Call back', recallDo: 'Call this signal back' }]);
  await withoutScript(browser);
  await byKeyboard(browser);
  await onlyLooking(browser);
} catch (error) {
  failed = error;
}
await browser.close();
if (failed) {
  console.error(failed);
  process.exit(1);
}
console.log(`${checks} passed, 0 failed`);
process.exit(0);
