"""Configuration: one YAML file, checked as a whole, compiled to a plan."""

from config.load import Configuration, load
from config.security import KafkaConnection

__all__ = ["Configuration", "KafkaConnection", "load"]
