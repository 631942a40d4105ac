/** One patient over weeks: when the next dose is due and how sure that is, the course so far, past forecasts, and the sessions. */

import { useEffect, useRef, useState } from "preact/hooks";

import { useAsked, Waiting } from "../asked";
import { forecastsOf } from "../feed";
import { besideDose, besideWords, type Course, dayWords, pastWords, percent, responseWords, type SessionRow, spacingWords, visitChances, windowWords } from "../forecasts";
import { Frame } from "../frame";
import { OfAnotherSite } from "../glass/of_another_site";
import { href, mayEnter, me, site } from "../here";
import { theme } from "../room";
import { instrumentWords, visibleName } from "../tables";
import { NameOf } from "./name_of";

export function PatientPage({ alias }: { alias: string }) {
  const { answer, problem, unknown } = useAsked<Course>(`/v1/patients/${encodeURIComponent(alias)}?${new URLSearchParams({ site })}`, forecastsOf.value.get(alias));
  return (
    <Frame here="clinic">
      <div class="desk patient-desk" data-testid="patient-page">
        <p><a href={href("/clinic")}>← Clinic</a> · <a href={href(`/enter/${encodeURIComponent(alias)}`)}>Enter for {alias}</a></p>
        <h1>{visibleName(alias)}</h1>
        {me.value?.names && <NameOf key={me.value.name} alias={alias} />}
        {answer === null ? <Waiting problem={problem} what="The course" unknown={unknown ? `Nobody is known by the alias ${visibleName(alias)}: a patient comes here with the first check-in or dose.` : null} /> : <CourseOf course={answer} />}
        {answer === null && unknown && <OfAnotherSite patient={alias} />}
      </div>
    </Frame>
  );
}

/** `isElsewhere`: they are another site's, so that nothing is planned for them and no session's record can be opened. */
export function CourseOf({ course, isElsewhere = false }: { course: Course; isElsewhere?: boolean }) {
  const { forecast } = course;
  // Nobody who was treated today is due today, whatever the numbers are.
  const early = course.judged_from ? `Too early to say when the next dose is due, until ${dayWords(course.judged_from)}` : null;
  const chance = forecast?.relapse_probability;
  return (
    <>
      <section class="says" aria-label="Forecast" data-testid="forecast">
        {forecast && chance ? (
          <>
            <p class="says-window">{early ?? windowWords(forecast)}</p>
            <dl class="says-chance">
              {early === null && (["7d", "14d", "28d"] as const).map((horizon) => (
                <div key={horizon}><dt>due within {horizon.slice(0, -1)} days</dt><dd>{percent(chance[horizon])}</dd></div>
              ))}
              {forecast.severity_now && <div><dt>severity now, of 27</dt><dd>{Math.round(forecast.severity_now.mean)}<small> ± {Math.round(forecast.severity_now.sd)}</small></dd></div>}
              <div><dt>so far</dt><dd class="says-word">{responseWords(forecast)}</dd></div>
            </dl>
          </>
        ) : <p class="says-window">{course.why_not ?? (course.doses.length === 0 ? "Nothing to forecast before the first dose" : "The forecast is still to come")}</p>}
        {forecast?.reasons?.map((reason) => <p key={reason}>{reason}</p>)}
        {forecast?.sharpen && <p class="soft">Would sharpen this most: {forecast.sharpen}.</p>}
        {forecast && spacingWords(forecast) && <p class="soft">Usual spacing: {spacingWords(forecast)}.</p>}
        {forecast?.as_of && <p class="soft">As of the end of {dayWords(forecast.as_of)}{course.timezone ? `, ${course.timezone}` : ""}. An estimate, not a decision.</p>}
      </section>
      <Picture label="Severity, scores and doses, and the forecast's fan" course={course} kind="course" />
      <p class="legend soft">
        Line and band: severity, 80 %. ● PHQ-9 ■ MADRS ◆ QIDS ✚ PHQ-2, small: mood. ▲ at the foot: dose. Dotted upright: check-in not answered. After now: 50 % and 80 % without a dose.
      </p>
      {besideWords(course) && <p class="legend soft" data-testid="beside-the-line">{besideWords(course)}</p>}
      {!isElsewhere && <Visit course={course} />}
      {course.history.filter((one) => one.due).length > 1 && (
        <section aria-label="Past forecasts" data-testid="past">
          <h2>Past forecasts against what happened</h2>
          {pastWords(course) && <p data-testid="past-words">{pastWords(course)}</p>}
          <Picture label="Past forecasts: the window of each, and the doses given" course={course} kind="past" />
          <p class="legend soft">Bar: the 80 % window as it was forecast that day; dot: even odds. ▲ on the diagonal: a dose was given, and what would have come stays unknown.</p>
        </section>
      )}
      <Sessions rows={course.sessions} isElsewhere={isElsewhere} />
      <Scores course={course} />
    </>
  );
}

/** The plotting library is large and only desks need it: it comes when it is wanted. */
function Picture({ course, kind, label }: { course: Course; kind: "course" | "past"; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    let current = true;
    let width = 0;
    const draw = async (): Promise<void> => {
      const { coursePlot, pastPlot } = await import("./course_plot");
      if (!current || element.clientWidth === 0) return;
      width = element.clientWidth;
      const drawn = kind === "course" ? coursePlot(course, width) : pastPlot(course, width);
      // The box is the picture, with its name; what is in it is said by the lists below.
      drawn.setAttribute("aria-hidden", "true");
      element.replaceChildren(drawn);
    };
    void draw();
    const resized = new ResizeObserver(() => element.clientWidth === width || void draw());
    resized.observe(element);
    return () => {
      current = false;
      resized.disconnect();
    };
  }, [course, kind, theme.value]);
  return <div class="picture" ref={box} role="img" aria-label={label} data-testid={`picture-${kind}`}>Drawing…</div>;
}

/** What a week more would mean: the forecast as the visit is planned, beside one a week later. */
function Visit({ course }: { course: Course }) {
  const [day, setDay] = useState(course.booked_at?.slice(0, 10) ?? "");
  const chances = visitChances(course, day);
  if (!course.forecast?.cdf) return null;
  const plans = mayEnter(me.value, "booking");
  return (
    <section aria-label="The next visit" data-testid="visit">
      <h2>The next visit</h2>
      <div class="visit-plan">
        <label class="field"><span>{course.booked_at ? "Planned for" : "If it were on"}</span><input type="date" data-testid="visit-day" value={day} onInput={(e) => setDay(e.currentTarget.value)} /></label>
        {plans && <a class="plan" href={href(`/enter/${encodeURIComponent(course.patient)}#visit`)}>{course.booked_at ? "Move the visit" : "Plan a visit"}</a>}
      </div>
      {course.judged_from ? <p class="soft">Until {dayWords(course.judged_from)} it is too early to say when the next dose is due.</p> : chances ? (
        <dl class="says-chance" data-testid="visit-chances">
          <div><dt>due before, as planned, {dayWords(chances.day)}</dt><dd>{percent(chances.asPlanned)}</dd></div>
          <div><dt>due before, a week later, {dayWords(chances.later)}</dt><dd>{percent(chances.aWeekLater)}</dd></div>
        </dl>
      ) : <p class="soft">{day === "" ? "No visit is planned. Choose a day to see the chance that the dose is due before it, and a week later." : "That day is over, or beyond what is forecast (12 weeks)."}</p>}
    </section>
  );
}

function Sessions({ rows, isElsewhere }: { rows: readonly SessionRow[]; isElsewhere: boolean }) {
  if (rows.length === 0) return null;
  const some = (value: number | null | undefined): string => (value == null ? "—" : String(Math.round(value)));
  return (
    <section aria-label="Sessions" data-testid="sessions">
      <h2>Sessions</h2>
      <div class="wide">
        <table>
          <thead><tr><th scope="col">Day</th><th scope="col">Dose</th><th scope="col">Peak pressure</th><th scope="col">Lowest SpO₂</th><th scope="col">Peak CADSS</th><th scope="col">Minutes to discharge</th><th scope="col">Alerts</th></tr></thead>
          <tbody>
            {[...rows].reverse().map((row) => (
              <tr key={row.session}>
                <th scope="row">{isElsewhere ? dayWords(row.at.slice(0, 10)) : <a href={href(`/session/${encodeURIComponent(row.session)}`)}>{dayWords(row.at.slice(0, 10))}</a>}</th>
                <td>{[row.drug, row.route, row.given_mg == null ? null : `${row.given_mg} mg`].filter(Boolean).join(" ")}</td>
                <td>{some(row.peak_sbp)}/{some(row.peak_dbp)}</td><td>{some(row.lowest_spo2)}</td><td>{some(row.peak_cadss)}</td><td>{some(row.left_min)}</td><td>{some(row.alerts)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** For a screen reader, and for whoever wants the number: the newest scores as they were given. */
function Scores({ course }: { course: Course }) {
  // Daily mood would push everything else out; it is in the picture.
  const newest = [...course.scores].reverse().filter((score) => score.instrument !== "mood-vas").slice(0, 8);
  if (newest.length === 0) return null;
  return (
    <section aria-label="Latest scores">
      <h2>Latest scores</h2>
      <ul class="plain-list">
        {newest.map((score) => (
          <li key={`${score.at}-${score.instrument}`}><span>{dayWords(score.day)}{besideDose(course, score) && `, ${besideDose(course, score)}`}</span><span>{instrumentWords(score.instrument)} {score.score}</span></li>
        ))}
      </ul>
    </section>
  );
}
