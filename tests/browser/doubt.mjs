// A doubtful case at the municipality's desk, beside the real program: decided there, it arrives at the school's page.
import { must } from './eyes.mjs';
import { Contact, named, until } from './region.mjs';
import { Visitor } from './visitor.mjs';

const DECIDES = 'kramer@gemeente.example';

/** Somebody at the desk says who it is; the school has one signal more. */
export async function atTheDesk(browser, region, out) {
  const school = await Contact.of(region, browser);
  await school.logIn();
  // All of the manual's reports that go to this school.
  await until(async () => (await school.waiting()) === 4, 'the signals that nobody has to decide');

  const visitor = await Visitor.with(browser, region.desk, { reducedMotion: 'reduce' });
  const { page } = visitor;
  const before = region.mails().length;
  await visitor.go('/');
  await visitor.judge('real-desk-1-login', out);
  await visitor.send('#address', DECIDES);
  await visitor.send('#code', await region.code(before, DECIDES));
  await page.locator('nav').waitFor();
  must((await page.getByRole('button', { name: 'Open: ' }).count()) === 0, 'nothing waits for a person yet');
  region.report('doubt.jsonl');
  await until(async () => {
    await visitor.go('/');
    return (await page.getByRole('button', { name: 'Open: ' }).count()) === 1;
  }, 'the doubtful case');
  must(named(await visitor.text()).length === 0, 'the list names nobody');
  await visitor.judge('real-desk-2-waiting', out);
  must((await school.waiting()) === 4, 'nobody guesses');

  await visitor.press('Open: ');
  await page.locator('.sought').waitFor();
  const shown = await visitor.text();
  must(['Sam', 'Sem', '02BB00'].every((word) => shown.includes(word)), 'who was heard, and who it can be');
  await visitor.judge('real-desk-3-case', out, 'radio');
  await page.getByRole('radio', { name: 'Leerling 1' }).check();
  await visitor.press('Stuur door');
  await page.getByRole('status').waitFor();
  must((await visitor.text()).includes('Doorgestuurd.'), 'it is passed on');
  await visitor.judge('real-desk-4-decided', out);
  await until(async () => (await school.waiting()) === 5, 'the signal at the school');
  await until(async () => {
    await visitor.go('/passed-on');
    return (await visitor.text()).includes('Bij de school, nog niet geopend');
  }, 'that it is at the school');
  must(named(await visitor.text()).length === 0, 'what was passed on names nobody');
  await visitor.judge('real-desk-5-passed-on', out);
  await visitor.leave();
  await school.leave();
}
