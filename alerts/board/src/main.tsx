/** The pages and where they live: "/" board, "/chair" and "/chair/:chair", "/alert/:id". Links load a page anew: each is small. */

import "uplot/dist/uPlot.min.css";
import "./style.css";

import { render } from "preact";

import { AlertPage } from "./alert/alert_page";
import { Board } from "./board/board";
import { ChairPage } from "./chair/chair_page";
import { ChairList } from "./chair/chair_list";
import { listen } from "./feed";
import { startSending } from "./sending";
import { askSite } from "./site";

function Page() {
  const [, first, second] = location.pathname.split("/");
  if (first === "chair") return second ? <ChairPage name={decodeURIComponent(second)} /> : <ChairList />;
  if (first === "alert" && second) return <AlertPage id={decodeURIComponent(second)} />;
  return <Board />;
}

const root = document.getElementById("page");
if (root) {
  root.replaceChildren();
  render(<Page />, root);
  void askSite();
  listen();
  startSending();
}
