// The board in a real Chromium, on a morning that is invented: as those who keep a region running use it, and by axe's rules.
//
//   node board.mjs BOARD OUT     BOARD: the example board_on_show of adapters/board; OUT: a folder for screenshots
//
// Chromium is the program in HWC_CHROMIUM, or `chromium` on the PATH. When there is none this fails.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { howMany, must, opened, until as atLast } from './eyes.mjs';
import { Visitor, focused, tabTo } from './visitor.mjs';

const [program, out] = process.argv.slice(2);
if (!program || !out) throw new Error('usage: node board.mjs BOARD OUT');
mkdirSync(out, { recursive: true });

const until = (look, what) => atLast(look, what, 60_000);
const PASSPHRASE = 'three bicycles in may';
const ID = '00000000000000000000000000000007';

/** A board, with a morning of its own. */
class Board {
  static async open() {
    const board = new Board();
    board.folder = mkdtempSync(join(tmpdir(), 'hwc-board-'));
    board.process = spawn(program, ['0', board.folder], { stdio: 'inherit' });
    process.on('exit', () => board.process.kill('SIGKILL'));
    const port = await until(() => {
      if (board.process.exitCode !== null) throw new Error('the board ended');
      return existsSync(join(board.folder, 'port')) && readFileSync(join(board.folder, 'port'), 'utf8');
    }, 'the board');
    board.origin = `http://localhost:${port}`;
    return board;
  }

  /** What was late is at its school. */
  moves() {
    writeFileSync(join(this.folder, 'moved'), '');
  }

  close() {
    this.process.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Somebody who keeps the region running. */
class Keeper extends Visitor {
  static of(board, browser, settings) {
    return Keeper.with(browser, board.origin, settings);
  }

  async logIn(passphrase = PASSPHRASE) {
    await this.go('/');
    await this.page.locator('#name').fill('jo');
    await this.send('#passphrase', passphrase);
  }

  /** Nothing is to be said against this page. */
  async judge(name) {
    await super.judge(`board-${name}`, out, 'radio');
  }
}

/** Every page by axe's rules, wide and narrow, light and dark. */
async function everyPage(browser) {
  const board = await Board.open();
  const visitor = await Keeper.of(board, browser);
  const { page } = visitor;
  await visitor.go('/');
  must((await page.locator('html').getAttribute('lang')) === 'en', 'the page is in English, whatever the browser prefers');
  await visitor.judge('1-login');
  await visitor.logIn('three bicycles in june');
  await page.getByRole('alert').waitFor();
  await visitor.judge('2-wrong');
  await visitor.logIn();
  await page.locator('nav').waitFor();
  await page.getByText('Live: it renews itself.').waitFor();
  await visitor.judge('3-board');
  must(!(await visitor.text()).includes(ID), 'no id is on the board');
  for (const [path, name] of [['/organisations', '4-organisations'], ['/incidents', '5-incidents']]) {
    await visitor.go(path);
    await visitor.judge(name);
  }
  await visitor.press(`Show ${ID}`);
  await page.locator('svg.waterfall').waitFor();
  must(new URL(page.url()).search === '' && !page.url().includes(ID), 'the address says nothing');
  must((await page.locator('svg.waterfall rect').count()) === 5, 'each stay is a bar');
  await visitor.judge('6-incident');
  await visitor.go('/incidents');
  await visitor.send('#id', 'canary');
  await page.getByText('An id has 32').waitFor();
  must(!(await visitor.text()).includes('canary'), 'what was written is not repeated');
  await visitor.judge('7-no-id');
  await visitor.go('/acts');
  must((await visitor.text()).includes('looked at one incident'), 'who looked is written down');
  await visitor.judge('8-acts');
  await page.emulateMedia({ media: 'print' });
  must(!(await page.locator('h1').isVisible()), 'nothing is printed');
  await visitor.leave();
  board.close();
}

/** What moves is there by itself; it can be held still; whoever is logged out is told that it is old. */
async function live(browser) {
  const board = await Board.open();
  const visitor = await Keeper.of(board, browser, { reducedMotion: 'reduce' });
  const { page } = visitor;
  await visitor.logIn();
  await page.getByText('Live: it renews itself.').waitFor();
  const delivered = page.locator('#part-pipeline tr', { hasText: 'delivered' });
  must((await delivered.innerText()).includes('10+'), 'it begins as it stands');
  await page.getByRole('button', { name: 'Hold still' }).click();
  board.moves();
  await page.waitForTimeout(1_500);
  must((await delivered.innerText()).includes('10+'), 'what is held still does not move');
  // Whoever reads in one part is not thrown out of it when another is renewed.
  await page.locator('#part-organisations a').focus();
  await page.evaluate(() => { window.same = document.getElementById('part-organisations'); });
  await page.getByRole('button', { name: 'Go on' }).press('Enter');
  await until(async () => (await delivered.innerText()).includes('15+'), 'what moved is shown');
  must((await page.locator('#part-lessons .level').first().innerText()).includes('fine'), 'nothing is late any more');
  must(await page.evaluate(() => window.same === document.getElementById('part-organisations')), 'a part that is the same stays');
  await rmMoved(board, delivered);
  await visitor.leave();

  const other = await Keeper.of(board, browser);
  await other.logIn();
  await other.page.getByText('Live: it renews itself.').waitFor();
  const second = await other.context.newPage();
  await second.goto(`${board.origin}/acts`);
  await second.getByRole('button', { name: 'Log out everywhere' }).click();
  await second.locator('#name').waitFor();
  await other.page.getByText('Not live any more').waitFor();
  must(await other.page.getByRole('link', { name: 'Read it again' }).isVisible(), 'and there is a way on');
  await other.leave();
  board.close();
}

async function rmMoved(board, delivered) {
  rmSync(join(board.folder, 'moved'));
  await until(async () => (await delivered.innerText()).includes('10+'), 'and back, without a press');
}

/** Everything can be read, and one incident looked at, without a script; it renews itself only for whoever asks. */
async function withoutScript(browser) {
  const board = await Board.open();
  const visitor = await Keeper.of(board, browser, { javaScriptEnabled: false, viewport: { width: 320, height: 640 } });
  const { page } = visitor;
  await visitor.logIn();
  await page.locator('nav').waitFor();
  must((await visitor.text()).includes('10+') && !(await page.locator('#hold').isVisible()), 'the board is there, and no dead button');
  board.moves();
  await until(async () => {
    await visitor.follow(() => page.getByRole('link', { name: 'Read it again' }).click());
    return (await visitor.text()).includes('15+');
  }, 'what moved is there when it is read again');
  await visitor.follow(() => page.getByRole('link', { name: 'have it read again every half minute' }).click());
  must((await visitor.text()).includes('read again every half minute'), 'it says that it renews itself');
  await visitor.follow(() => page.getByRole('link', { name: 'Read it again' }).click());
  must((await visitor.text()).includes('have it read again'), 'and can be stopped');
  await visitor.go('/incidents');
  await page.locator('#id').fill(ID);
  await visitor.press('Show it');
  must((await page.locator('svg.waterfall rect').count()) === 5, 'the picture is there');
  await visitor.leave();
  board.close();
}

/** With a keyboard alone, and always seeing where one is. */
async function byKeyboard(browser) {
  const board = await Board.open();
  const visitor = await Keeper.of(board, browser, { viewport: { width: 390, height: 800 } });
  const { page } = visitor;
  await visitor.logIn();
  await page.getByText('Live: it renews itself.').waitFor();
  await page.keyboard.press('Tab');
  must((await focused(page)).text === 'Skip to content', 'the first tab leads to the content');
  await tabTo(page, (one) => one.id === 'hold');
  await page.keyboard.press('Space');
  await page.getByText('Held still.').waitFor();
  await tabTo(page, (one) => one.text === 'which');
  await page.keyboard.press('Enter');
  await page.locator('#id').waitFor();
  await tabTo(page, (one) => one.label === `Show ${ID}`);
  await page.keyboard.press('Enter');
  await page.locator('svg.waterfall').waitFor();
  await visitor.leave();
  board.close();
}

const browser = await opened();
let failed;
try {
  await everyPage(browser);
  await live(browser);
  await withoutScript(browser);
  await byKeyboard(browser);
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
