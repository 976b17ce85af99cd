"""What every lesson is run on: finds the data, keeps the run folder, judges, and gives a lesson module its verbs."""

from radlearn.workbench.answering import Answering, load_best, submit_probabilities
from radlearn.workbench.box_answering import BoxAnswering, submit_boxes
from radlearn.workbench.box_judging import judge_boxes
from radlearn.workbench.box_report import write_box_report
from radlearn.workbench.drawn_cases import DrawnCases
from radlearn.workbench.film_report import write_film_report
from radlearn.workbench.judging import judge
from radlearn.workbench.mask_answering import MaskAnswering, submit_masks
from radlearn.workbench.mask_judging import choose_mask_recipe, judge_masks
from radlearn.workbench.mask_report import write_mask_report
from radlearn.workbench.operating_point import keep_operating_point
from radlearn.workbench.people import divided
from radlearn.workbench.pretrained import start_from_published
from radlearn.workbench.proposing import (
    as_tuned,
    best_over_thresholds,
    choose_recipe,
    examined,
    gate_of,
    image_scores,
    in_frames,
    must_have_gate,
)
from radlearn.workbench.retuning_boxes import tune_boxes
from radlearn.workbench.retuning_masks import tune_masks
from radlearn.workbench.retuning_threshold import tune_threshold
from radlearn.workbench.settings import plan_of, within
from radlearn.workbench.shell import run_lesson
from radlearn.workbench.sliding import answered_volume
from radlearn.workbench.verbs import begin_run
from radlearn.workbench.volumes import divided_scans

__all__ = [
    "Answering",
    "BoxAnswering",
    "DrawnCases",
    "MaskAnswering",
    "answered_volume",
    "as_tuned",
    "begin_run",
    "best_over_thresholds",
    "choose_mask_recipe",
    "choose_recipe",
    "divided",
    "divided_scans",
    "examined",
    "gate_of",
    "image_scores",
    "in_frames",
    "judge",
    "judge_boxes",
    "judge_masks",
    "keep_operating_point",
    "load_best",
    "must_have_gate",
    "plan_of",
    "run_lesson",
    "start_from_published",
    "submit_boxes",
    "submit_masks",
    "submit_probabilities",
    "tune_boxes",
    "tune_masks",
    "tune_threshold",
    "within",
    "write_box_report",
    "write_film_report",
    "write_mask_report",
]
