from django.urls import include, path

from .views import Averages, Diary, JournalPage, OneMark

_endpoints = [
    path("journals/<int:journal_id>/page", JournalPage.as_view()),
    path("students/<int:student_id>/diary", Diary.as_view()),
    path("students/<int:student_id>/averages", Averages.as_view()),
    path(
        "works/<int:work_id>/students/<int:student_id>/marks/<int:ordinal>",
        OneMark.as_view(),
    ),
]
urlpatterns = [path("v1/organizations/<int:organization_id>/", include(_endpoints))]
