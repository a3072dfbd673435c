// A whole region on this machine, and a contact in front of the page of its hosted school.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must, until as atLast } from './eyes.mjs';
import { Visitor } from './visitor.mjs';

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

/** A contact of the hosted school, in front of the region's page. */
export class Contact extends Visitor {
  static async of(region, browser, settings) {
    const contact = await Contact.with(browser, region.origin, { reducedMotion: 'reduce', ...settings });
    contact.region = region;
    return contact;
  }

  async logIn() {
    const before = this.region.mails().length;
    await this.go('/');
    await this.send('#address', ADDRESS);
    await this.page.locator('#code').fill(await this.region.code(before));
    await this.send('#passphrase', PASSPHRASE);
    await this.page.locator('nav').waitFor();
  }

  /** How many signals wait, as the page of now says. */
  async waiting() {
    await this.go('/');
    return this.page.locator('form[action="/signal/open"]').count();
  }
}
