// The municipality's desk in a real Chromium, on a morning with invented cases: as its people use it, and by axe's rules.
//
//   node desk.mjs DESK OUT     DESK: the example desk_on_show of adapters/desk; OUT: a folder for screenshots
//
// Chromium is the program in HWC_CHROMIUM, or `chromium` on the PATH. When there is none this fails.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { howMany, must, opened, until as atLast } from './eyes.mjs';
import { Visitor, focused, tabTo } from './visitor.mjs';

const [program, out] = process.argv.slice(2);
if (!program || !out) throw new Error('usage: node desk.mjs DESK OUT');
mkdirSync(out, { recursive: true });

const until = (look, what) => atLast(look, what, 60_000);
const NAMES = ['Lotje', 'Lotte', 'Smit', 'Noa', 'Berg', 'Jansen'];
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

/** Somebody of the municipality. */
class Clerk extends Visitor {
  static async of(desk, browser, settings) {
    const clerk = await Clerk.with(browser, desk.origin, settings);
    clerk.desk = desk;
    return clerk;
  }

  async logIn(who = 'wit') {
    rmSync(join(this.desk.folder, who), { force: true });
    await this.go('/');
    await this.send('#address', `${who}@gemeente.example`);
    await this.send('#code', await this.desk.code(who));
    await this.page.locator('nav').waitFor();
  }

  /** Nothing is to be said against this page. */
  async judge(name) {
    await super.judge(`desk-${name}`, out, 'radio');
  }
}

/** Both languages: every page by axe's rules; names on one page only, which is not printed. */
async function everyPage(browser, [language, words]) {
  const desk = await Desk.open();
  const visitor = await Clerk.of(desk, browser);
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
  await visitor.follow(() => page.getByRole('button', { name: words.open }).nth(1).click());
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
  await visitor.follow(() => page.getByRole('button', { name: words.open }).nth(1).click());
  await visitor.judge(`${language}-9-nobody-to-pick`);
  await visitor.go('/passed-on');
  await visitor.follow(() => page.locator('table').getByRole('button', { name: words.recall }).first().click());
  await visitor.judge(`${language}-a-recall`);
  await page.getByRole('radio').first().check();
  await visitor.press(words.recallDo);
  await page.getByRole('status').waitFor();
  await visitor.go('/passed-on');
  await visitor.send('#signal', '000000');
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
  const visitor = await Clerk.of(desk, browser, { javaScriptEnabled: false, viewport: { width: 320, height: 640 } });
  const { page } = visitor;
  await visitor.logIn();
  await visitor.press('Open: Geval 5b20e1');
  await page.locator('.sought').waitFor();
  await visitor.go('/acts');
  await back(page);
  await visitor.go('/');
  await visitor.press('Open: Geval 5b20e1');
  await page.getByRole('button', { name: 'Stuur door' }).first().click();
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
  const visitor = await Clerk.of(desk, browser, { viewport: { width: 390, height: 800 } });
  const { page } = visitor;
  await visitor.logIn();
  await page.keyboard.press('Tab');
  must((await focused(page)).text === 'Naar de inhoud', 'the first tab leads to the content');
  await tabTo(page, (one) => one.text === 'Open');
  await page.keyboard.press('Enter');
  await page.locator('.sought').waitFor();
  await tabTo(page, (one) => one.value === 'enrolment_ambiguous');
  await page.keyboard.press('ArrowDown');
  must((await focused(page)).value === 'enrolment_unknown', 'arrows choose a reason');
  await tabTo(page, (one) => one.text === 'Houd het signaal tegen');
  await page.keyboard.press('Enter');
  await page.getByRole('status').waitFor();
  must((await visitor.text()).includes('Niet doorgestuurd.'), 'it is withheld');
  await visitor.leave();
  desk.close();
}

/** Whoever only looks has nothing to press. */
async function onlyLooking(browser) {
  const desk = await Desk.open();
  const visitor = await Clerk.of(desk, browser);
  await visitor.logIn('kijkt');
  must((await visitor.page.getByRole('button', { name: 'Open: ' }).count()) === 0, 'nothing can be opened');
  await visitor.judge('nl-d-only-looking');
  await visitor.go('/passed-on');
  must((await visitor.page.getByRole('button', { name: 'Roep terug' }).count()) === 0, 'nothing can be called back');
  await visitor.leave();
  desk.close();
}

const browser = await opened();
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
console.log(`${howMany()} passed, 0 failed`);
process.exit(0);
