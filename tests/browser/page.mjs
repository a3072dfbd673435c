// The school's page in a real Chromium, before a whole region on this machine: as a person uses it, and by axe's rules.
//
//   node page.mjs HWC OUT     HWC: the program; OUT: a folder for screenshots
//
// Chromium is the program in HWC_CHROMIUM, or `chromium` on the PATH. When there is none this fails.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { howMany, judge, must, opened, until as atLast } from './eyes.mjs';

const [program, out] = process.argv.slice(2);
if (!program || !out) throw new Error('usage: node page.mjs HWC OUT');
mkdirSync(out, { recursive: true });

const until = (look, what) => atLast(look, what, 120_000);
const ADDRESS = 'anne@school.example';
const PASSPHRASE = 'drie fietsen in mei';
/** The invented children of the manual's cases. */
const CHILDREN = ['Sem', 'Berg', 'Milan', 'Wit', 'Finn', 'Visser', 'Luuk', 'Dekker', 'David', 'Pieterse', 'Lotte', 'Smit', 'Eva', 'Jansen'];

/** A region on this machine, with all of the manual's reports sent. */
class Region {
  static async raise() {
    const region = new Region();
    region.folder = mkdtempSync(join(tmpdir(), 'hwc-browser-'));
    region.process = spawn(program, ['dev', '--state-dir', join(region.folder, 'state')], { stdio: ['ignore', 'pipe', 'pipe'] });
    region.said = '';
    for (const stream of [region.process.stdout, region.process.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (region.said += text));
    }
    region.ended = new Promise((done) => region.process.on('exit', done));
    await until(() => {
      if (region.process.exitCode !== null) throw new Error(region.said);
      return region.said.includes('processes are at work');
    }, 'the region');
    region.origin = /origin = "(.+)"/.exec(readFileSync(join(region.folder, 'state/settings/portal.toml'), 'utf8'))[1];
    return region;
  }

  report() {
    const state = join(this.folder, 'state');
    const sent = spawnSync(program, ['police', '--config', join(state, 'settings/police-region.toml'), 'send', join(state, 'dataset/reports.jsonl')], { encoding: 'utf8' });
    must(sent.status === 0, `reports are sent: ${sent.stderr}`);
  }

  mails() {
    const folder = join(this.folder, 'state/mail');
    return readdirSync(folder).sort().map((name) => readFileSync(join(folder, name), 'utf8'));
  }

  /** The code that was mailed after so many letters. */
  async code(before) {
    return until(() => {
      const lines = this.mails().slice(before).filter((mail) => mail.includes(`To: ${ADDRESS}`)).join('\n').split('\n');
      return lines.map((line) => /^\s*(\d{4}) (\d{4})\s*$/.exec(line)).filter(Boolean).map((code) => `${code[1]} ${code[2]}`).pop();
    }, 'the code');
  }

  async lower() {
    this.process.kill('SIGINT');
    const code = await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
    must(code === 0, `the region ends in good order: ${code}\n${this.said}`);
  }
}

const named = (text) => CHILDREN.filter((name) => new RegExp(`\\b${name}\\b`).test(text));

/** Somebody in front of a page. */
class Visitor {
  static async with(browser, region, settings) {
    const visitor = new Visitor();
    visitor.region = region;
    visitor.context = await browser.newContext({ locale: 'nl-NL', reducedMotion: 'reduce', ...settings });
    visitor.page = await visitor.context.newPage();
    visitor.page.setDefaultTimeout(30_000);
    visitor.complaints = [];
    visitor.page.on('console', (said) => {
      // The browser reports a refused form (422, 403) as an error; that is not one.
      if (said.type() === 'error' && !said.text().includes('Failed to load resource')) visitor.complaints.push(said.text());
    });
    visitor.page.on('pageerror', (error) => visitor.complaints.push(String(error)));
    visitor.page.on('request', (request) => {
      if (!request.url().startsWith(region.origin)) visitor.complaints.push(`asks for ${request.url()}`);
    });
    return visitor;
  }

  async text() {
    return this.page.locator('body').innerText();
  }

  async press(name) {
    await this.page.getByRole('button', { name }).first().click();
  }

  async logIn() {
    const before = this.region.mails().length;
    await this.page.goto(`${this.region.origin}/`);
    await this.page.locator('#address').fill(ADDRESS);
    await this.page.locator('#address').press('Enter');
    await this.page.locator('#code').fill(await this.region.code(before));
    await this.page.locator('#passphrase').fill(PASSPHRASE);
    await this.page.locator('#passphrase').press('Enter');
    await this.page.locator('nav').waitFor();
  }

  /** Nothing is to be said against this page. */
  async judge(name) {
    await judge(this.page, name, { pictures: out, except: 'checkbox' });
  }

  async leave() {
    must(this.complaints.length === 0, `the browser has nothing to complain of: ${this.complaints.join('\n')}`);
    await this.context.close();
  }
}

/** Both languages: every page by axe's rules, light and dark, 320 and 1280 px; nothing of a letter is printed or marked. */
async function everyPage(browser, region, [language, words]) {
  const visitor = await Visitor.with(browser, region, {});
  const { page } = visitor;
  await page.goto(`${region.origin}/`);
  if (language === 'en') await visitor.press('English');
  must((await page.locator('html').getAttribute('lang')) === language, `the page is in ${language}`);
  await visitor.judge(`${language}-1-login`);
  await page.locator('#address').fill('nobody@school.example');
  await page.locator('#address').press('Enter');
  await page.locator('#code').fill('00000000');
  await page.locator('#passphrase').fill('x');
  await page.locator('#passphrase').press('Enter');
  await page.getByRole('alert').waitFor();
  await visitor.judge(`${language}-2-code-refused`);
  await visitor.logIn();
  await until(async () => {
    await page.reload();
    return (await page.getByRole('button', { name: words.open }).count()) > 0;
  }, 'a signal');
  must(named(await visitor.text()).length === 0, 'the list names nobody');
  await visitor.judge(`${language}-3-inbox`);
  await visitor.press(words.open);
  await page.locator('.child').waitFor();
  const child = await page.locator('.child').innerText();
  must(named(child).length > 0, 'the letter names a child');
  await visitor.judge(`${language}-4-letter`);
  const marked = await page.evaluate(() => getComputedStyle(document.querySelector('.letter')).userSelect);
  must(marked === 'none', 'a name cannot be marked');
  await page.emulateMedia({ media: 'print' });
  must(!(await page.locator('h1').isVisible()), 'nothing is printed');
  await page.emulateMedia({ media: 'screen' });
  await visitor.press(words.received);
  await page.getByRole('status').waitFor();
  must((await visitor.text()).includes(words.gone), 'it is said that it is gone');
  await visitor.judge(`${language}-5-received`);
  for (const [path, name] of [['/contacts', '6-contacts'], ['/passphrase', '7-passphrase'], ['/acts', '8-acts'], ['/nowhere', '9-nowhere']]) {
    await page.goto(region.origin + path);
    await visitor.judge(`${language}-${name}`);
  }
  await page.goto(`${region.origin}/contacts`);
  await page.locator('#name').fill('Bo Maas');
  await page.locator('#address').fill(`bo.${language}@school.example`);
  await page.locator('#address').press('Enter');
  await page.locator('.spoken').waitFor();
  await visitor.judge(`${language}-a-invited`);
  await visitor.leave();
}

/** Reading and confirming need no script; and whoever goes back, or comes after, finds nothing. */
async function withoutScript(browser, region) {
  const visitor = await Visitor.with(browser, region, { javaScriptEnabled: false, viewport: { width: 320, height: 640 } });
  const { page } = visitor;
  await visitor.logIn();
  await visitor.press('Openen');
  await page.locator('.child').waitFor();
  const child = await page.locator('.child').innerText();
  await page.screenshot({ path: join(out, 'phone-letter.png') });
  must(!page.url().includes('ticket') && new URL(page.url()).search === '', 'the address says nothing');

  // Away from the open letter and back again: it is not shown a second time.
  await page.goto(`${region.origin}/acts`);
  await back(page, child);
  await page.goto(`${region.origin}/`);
  await visitor.press('Nog eens openen');
  await page.locator('.child').waitFor();
  await visitor.press('Ontvangen');
  await page.getByRole('status').waitFor();
  for (let times = 0; times < 6; times += 1) await back(page, child);
  await page.goForward({ timeout: 5_000 }).catch(() => null);
  must(!(await until(() => page.content().catch(() => null), 'a page to go forward to')).includes(child), 'nor forward');

  await page.goto(`${region.origin}/`);
  await visitor.press('Uitloggen');
  await page.locator('#address').waitFor();
  for (let times = 0; times < 3; times += 1) await back(page, 'Ingelogd:');
  await visitor.leave();
}

async function back(page, never) {
  await page.goBack({ timeout: 5_000 }).catch(() => null);
  // A page that cannot be shown again is none at all; whatever settles there is what a person sees.
  const shown = await until(() => page.content().catch(() => null), 'a page to go back to');
  must(!shown.includes(never), `going back does not show ${never === 'Ingelogd:' ? 'a page of before' : 'the child'}`);
}

/** With a keyboard alone, and always seeing where one is. */
async function byKeyboard(browser, region) {
  const visitor = await Visitor.with(browser, region, { viewport: { width: 390, height: 800 } });
  const { page } = visitor;
  const focused = () => page.evaluate(() => {
    const one = document.activeElement;
    const style = getComputedStyle(one);
    return { text: one.innerText || one.id, id: one.id, seen: style.outlineStyle !== 'none' && style.outlineWidth !== '0px' };
  });
  const tabTo = async (is) => {
    for (let times = 0; times < 40; times += 1) {
      await page.keyboard.press('Tab');
      const one = await focused();
      if (one.text) must(one.seen, `it is seen that ${one.text} has the focus`);
      if (is(one)) return;
    }
    throw new Error(`a keyboard does not get there: ${is}`);
  };
  const before = region.mails().length;
  await page.goto(`${region.origin}/`);
  await page.keyboard.press('Tab');
  must((await focused()).text === 'Naar de inhoud', 'the first tab leads to the content');
  await tabTo((one) => one.id === 'address');
  await page.keyboard.type(ADDRESS);
  await page.keyboard.press('Enter');
  await page.locator('#code').waitFor();
  await tabTo((one) => one.id === 'code');
  await page.keyboard.type(await region.code(before));
  await tabTo((one) => one.id === 'passphrase');
  await page.keyboard.type(PASSPHRASE);
  await page.keyboard.press('Enter');
  await page.locator('nav').waitFor();
  await tabTo((one) => one.text === 'Openen');
  await page.keyboard.press('Enter');
  await page.locator('.child').waitFor();
  await tabTo((one) => one.text === 'Geen leerling van ons');
  await page.keyboard.press('Enter');
  await page.getByRole('status').waitFor();
  must((await visitor.text()).includes('Teruggegeven.'), 'it is returned');
  must(named(await visitor.text()).length === 0, 'and gone');
  await visitor.leave();
}

const region = await Region.raise();
const browser = await opened();
let failed;
try {
  region.report();
  await everyPage(browser, region, ['nl', { open: 'Openen', received: 'Ontvangen', gone: 'nergens meer te vinden' }]);
  await everyPage(browser, region, ['en', { open: 'Open', received: 'Received', gone: 'nowhere to be found' }]);
  await withoutScript(browser, region);
  await byKeyboard(browser, region);
  const codes = region.mails();
  must(codes.every((mail) => named(mail).length === 0), 'no mail names anybody');
} catch (error) {
  failed = error;
}
await browser.close();
await region.lower().catch((error) => (failed ??= error));
if (failed) {
  console.error(failed);
  process.exit(1);
}
console.log(`${howMany()} passed, 0 failed`);
