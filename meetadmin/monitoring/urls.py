"""Addresses of the slice."""

from django.urls import path

from meetadmin.monitoring import metrics, views

urlpatterns = [
    path("system/", views.system, name="system"),
    path("metrics", metrics.metrics, name="metrics"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]
