// A whole region on this machine, and somebody in front of one of its pages.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { judge, must, until as atLast } from './eyes.mjs';

export const until = (look, what) => atLast(look, what, 120_000);
export const ADDRESS = 'anne@school.example';
export const PASSPHRASE = 'drie fietsen in mei';
/** The invented children of the manual's cases. */
const CHILDREN = ['Sem', 'Sam', 'Berg', 'Milan', 'Wit', 'Finn', 'Visser', 'Luuk', 'Dekker', 'David', 'Pieterse', 'Lotte', 'Smit', 'Eva', 'Jansen'];

/** A region on this machine, with all of the manual's reports sent. */
export class Region {
  static async raise(program) {
    const region = new Region();
    region.program = program;
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
    const origin = (name) => /origin = "(.+)"/.exec(readFileSync(join(region.folder, `state/settings/${name}.toml`), 'utf8'))[1];
    region.origin = origin('portal');
    region.desk = origin('municipality-0855');
    return region;
  }

  /** Sends one of the dataset's files of reports. */
  report(name) {
    this.send(join(this.folder, 'state/dataset', name));
  }

  /** So many reports more of a child who goes to the hosted school. */
  more(count) {
    const child = { given_names: 'Sem', prefix: 'van den', surname: 'Berg', date_of_birth: '2014-09-30', presence: 'present', relation: 'resident' };
    const report = (number) => ({
      report_id: `B-${number}`, reported_at: '2026-11-18T07:20:00+01:00',
      incident: { occurred_at: '2026-11-17', kind: 'domestic_violence', address: { postcode: '5038AB', house_number: 2 } },
      children: [child],
    });
    const file = join(this.folder, 'more.jsonl');
    writeFileSync(file, Array.from({ length: count }, (_, number) => JSON.stringify(report(number))).join('\n'));
    this.send(file);
  }

  send(file) {
    const settings = join(this.folder, 'state/settings/police-region.toml');
    const sent = spawnSync(this.program, ['police', '--config', settings, 'send', file], { encoding: 'utf8' });
    must(sent.status === 0, `reports are sent: ${sent.stderr}`);
  }

  mails() {
    const folder = join(this.folder, 'state/mail');
    return readdirSync(folder).sort().map((name) => readFileSync(join(folder, name), 'utf8'));
  }

  /** The code that was mailed after so many letters. */
  async code(before, address = ADDRESS) {
    return until(() => {
      const lines = this.mails().slice(before).filter((mail) => mail.includes(`To: ${address}`)).join('\n').split('\n');
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

export const named = (text) => CHILDREN.filter((name) => new RegExp(`\\b${name}\\b`).test(text));

/** Somebody in front of a page. */
export class Visitor {
  static async with(browser, region, settings, origin = region.origin) {
    const visitor = new Visitor();
    visitor.region = region;
    visitor.origin = origin;
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
      if (!request.url().startsWith(origin)) visitor.complaints.push(`asks for ${request.url()}`);
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

  /** How many signals wait, as the page of now says. */
  async waiting() {
    await this.page.goto(`${this.origin}/`);
    return this.page.locator('form[action="/signal/open"]').count();
  }

  /** Nothing is to be said against this page. */
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
